"""The section of a report that tables have, from a comparison to the page."""

import json

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward.errors import InputError
from pushforward.report.as_table import as_table
from pushforward.report.html import write_report
from pushforward.report.marginals import column_marginals, most_different
from pushforward.report.run import Run

PLANTED = "planted"  # in names of categories that only real rows have


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    x = rng.normal(size=240)
    table = pd.DataFrame({"x": x, "wide <name>": x**2 + rng.normal(size=240)})
    table["kind"] = np.where(x + 0.3 * rng.normal(size=240) > 0, f"{PLANTED}-up", f"{PLANTED}-down")
    table["since"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 240), "D")
    table.loc[::9, "x"] = np.nan
    return table


@pytest.fixture(scope="module")
def compared(frame, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "mine"
    pf.compare(
        frame,
        methods="gaussian,copycat",
        repeats=2,
        out=folder,
        jobs=1,
        real_rows=False,
        target="kind",
    )
    return folder


def test_the_section_says_what_the_rows_of_a_comparison_do(compared):
    run = Run(compared)
    section = as_table(run)
    assert [line.method for line in section.lines] == ["gaussian", "copycat", "real rows"]
    assert section.predicts == "“kind” (balanced accuracy)"
    cells = {line.method: [cell for cell, _ in line.cells] for line in section.lines}
    assert all(row[1].endswith(" of 4") for row in cells.values())
    assert float(cells["copycat"][6]) > 0.9
    assert cells["real rows"][3:] == ["–"] * 5
    scores = [row["scores"] for row in run.rows if row["method"] == "gaussian"]
    assert cells["gaussian"][0] == f"{np.mean([s['columns']['value'] for s in scores]):.3f}"
    assert cells["gaussian"][4] == f"{np.mean([s['utility']['target'] for s in scores]):.2f}"
    assert [method for method, _ in section.pictures] == ["gaussian"]  # ranked ones only
    assert "Farthest apart" in section.pictures[0][1].caption


def test_the_page_has_it_and_no_real_rows_where_none_are_asked_for(compared):
    page = write_report(compared).read_text()
    assert "As a table: columns, pairs, use, privacy" in page
    assert "wide &lt;name&gt;" in page
    assert "<name>" not in page
    for file in ("results.jsonl", "report.html", "config.json"):
        assert PLANTED not in (compared / file).read_text()


def test_matrices_are_kept_once(compared):
    rows = [json.loads(line) for line in (compared / "results.jsonl").read_text().splitlines()]
    assert {row["repeat"] for row in rows if "associations" in row["table"]} == {0}
    matrix = next(row["table"]["associations"] for row in rows if row["repeat"] == 0)
    assert len(matrix["real"]) == len(matrix["fake"]) == 6


def test_a_target_that_is_no_column_is_told_before_anything_runs(frame, tmp_path):
    with pytest.raises(InputError, match=r"'kinds' is no column. Did you mean 'kind'\?"):
        pf.compare(frame, methods="gaussian", out=tmp_path / "a", target="kinds")
    with pytest.raises(InputError, match="no table"):
        pf.compare(np.eye(30), methods="gaussian", out=tmp_path / "a", target="x")
    assert not (tmp_path / "a").exists()


def test_of_a_wide_table_the_columns_that_differ_most_are_drawn():
    frame = pd.DataFrame(np.eye(30), columns=[f"c{i}" for i in range(30)])
    told = [[f"c{i}", "values", "number", 0.3 + 0.01 * i, 0.1, 0.5] for i in range(30)]
    names = most_different({"table": {"columns": told}}, 12)
    assert names[0] == "c29"
    drawn = [plan.name for plan in column_marginals(frame, None, frame, names)]
    assert drawn == [f"c{i}" for i in range(18, 30)]
    assert most_different({}, 12) == []
