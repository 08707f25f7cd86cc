"""Scores print well alone, in a table and as JSON."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_json_takes_numpys_numbers(kind):
    score = Score("x", kind(3), "lower", target=kind(2), sizes={"real": np.int64(5)})
    state = json.loads(Evaluation([score]).to_json())["x"]
    assert (state["value"], state["target"], state["sizes"]) == (3, 2, {"real": 5})


def test_json_text_is_that_of_the_dictionary():
    evaluation = Evaluation([SCORE, Score("frechet", np.inf, "lower", meaning="Fréchet")])
    assert json.loads(evaluation.to_json()) == evaluation.to_dict()
    assert "Fréchet" in evaluation.to_json()


def html_rows(shown):
    """The texts of the cells, row by row; as XML it parses only if all is closed and escaped."""
    tree = ElementTree.fromstring(f"<div>{shown._repr_html_()}</div>")
    assert not [node for node in tree.iter() if node.get("src") or node.get("href")]
    cells = [[cell.text or "" for cell in row] for row in tree.iter("tr")]
    return cells, [note.text for note in tree.iter("p")]


def test_notebook_shows_a_table_of_the_same_cells():
    evaluation = Evaluation([Score("frechet", 1234.5, "lower", expected_bias=0.1), SCORE])
    (header, *rows), notes = html_rows(evaluation)
    assert header == ["score", "value", "better", "95 % interval", "p", "equal laws", "meaning"]
    assert rows[0] == ["frechet", "1234", "lower", "-", "-", "0.1", ""]
    assert rows[1][:5] == ["nn_real", "0.6123", "near 0.4994", "0.55 to 0.67", "0.0004"]
    assert rows[1][6] == f"{SCORE.meaning} (449 real, 450 fake rows)"
    assert notes == ["features: pixels"]
    assert html_rows(SCORE) == ([header, rows[1]], notes)


def test_notebook_escapes_what_users_named():
    text = "<script>alert('&')</script>"
    cells, notes = html_rows(Score(text, 1.0, "lower", features=text, meaning=text))
    assert cells[1][0] == cells[1][6] == text
    assert notes == [f"features: {text}"]


def test_frame_has_a_row_for_each_score():
    other = Score("copies", 0.1, "lower", sizes={"real": 3, "train": 9})
    frame = Evaluation([SCORE, other]).to_frame()
    assert list(frame.index) == ["nn_real", "copies"]
    row = frame.loc["nn_real"]
    assert (row["value"], row["low"], row["high"]) == (SCORE.value, *SCORE.interval)
    assert (row["target"], row["p_value"], row["real_rows"]) == (0.4994, 0.0004, 449)
    assert frame.loc["copies", ["target", "low", "p_value", "fake_rows"]].isna().all()
    numbers = ["value", "target", "low", "high", "p_value", "expected_bias"]
    assert all(pd.api.types.is_float_dtype(frame[name]) for name in numbers)
    assert Evaluation([]).to_frame().empty
