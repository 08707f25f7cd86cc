"""Scores print well alone, in a table and as JSON."""

import json

import numpy as np
import pytest

from pushforward.evaluation import Evaluation, Score

SCORE = Score(
    "nn_real",
    0.612345,
    "near",
    target=0.4994,
    interval=(0.55, 0.67),
    p_value=0.0004,
    sizes={"real": 449, "fake": 450},
    features="pixels",
    meaning="share of real rows whose nearest row is real",
)


def test_text_of_one_score():
    assert str(SCORE) == (
        "nn_real = 0.6123 (near 0.4994 is better; 95 % interval 0.55 to 0.67; p = 0.0004; "
        "449 real, 450 fake rows; features: pixels): share of real rows whose nearest row is real"
    )


def test_text_names_what_to_reach_or_to_compare_with():
    assert str(Score("modes", 7, "higher", target=8.0)) == "modes = 7 (higher, to 8 is better)"
    copies = Score("copies", 0.1, "lower", target=0.02)
    assert str(copies) == "copies = 0.1 (lower is better; to compare with: 0.02)"


def test_table_is_aligned():
    evaluation = Evaluation([Score("frechet", 1234.5, "lower", expected_bias=0.1), SCORE])
    header, *lines, footer = str(evaluation).splitlines()
    assert [len(line) for line in lines] == [len(header)] * 2
    assert header.split() == [
        "score",
        "value",
        "better",
        "95",
        "%",
        "interval",
        "p",
        *["equal", "laws"],
    ]
    assert footer == "features: pixels"


def test_evaluation_is_an_ordered_mapping():
    other = Score("a", 1.0, "lower")
    evaluation = Evaluation([SCORE, other])
    assert list(evaluation) == ["nn_real", "a"]
    assert evaluation["a"] is other
    assert len(evaluation) == 2
    with pytest.raises(KeyError):
        evaluation["b"]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, np.float64("nan")])
def test_json_has_no_infinity(value):
    score = Score("x", value, "lower", interval=(0.0, value), sizes={"real": 3})
    state = json.loads(json.dumps(Evaluation([score]).to_dict(), allow_nan=False))
    assert state["x"]["value"] is None
    assert state["x"]["interval"] == [0.0, None]
    assert state["x"]["sizes"] == {"real": 3}


def test_json_holds_all_fields():
    state = json.loads(json.dumps(SCORE.to_dict(), allow_nan=False))
    assert Score(**{**state, "interval": tuple(state["interval"])}) == SCORE
