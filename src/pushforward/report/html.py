"""The report: one self-contained page, drawn from a run folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pushforward.data.files import as_text
from pushforward.errors import FileError, PushforwardError
from pushforward.report.as_table import as_table
from pushforward.report.by_label import by_label
from pushforward.report.by_pixels import by_pixels
from pushforward.report.pictures import Gallery, dot_plot
from pushforward.report.run import Run
from pushforward.report.study import study_page
from pushforward.report.table import columns, every_repeat, header, lines, troubles
from pushforward.report.words import advice, answer, limit
from pushforward.storage import write_atomically
from pushforward.untrusted import shortly


def write_report(folder: Path) -> Path:
    """Draw `folder/report.html` from a run folder, finished, interrupted or partly failed.

    Reads config.json, results.jsonl and samples/ and nothing else; the same folder gives the same
    bytes. The page needs no network and no script.

    Raises:
        FileError: the folder holds no run, a damaged one, or cannot be written.

    >>> import tempfile
    >>> write_report(Path(tempfile.mkdtemp()))
    Traceback (most recent call last):
    pushforward.errors.FileError: ... holds no run: there is no config.json in it
    """
    target = Path(folder) / "report.html"
    try:
        page = render(Run(Path(folder)))
    except PushforwardError:
        raise
    except Exception as error:  # a row that was changed by hand may lead to anything
        raise FileError(
            f"{folder}: no report can be drawn of it ({type(error).__name__}: {shortly(error)}). "
            "Was config.json or results.jsonl changed? Run the same command again to go on."
        ) from error
    write_atomically(target, page.encode())
    return target


def template(name: str) -> Template:
    """A page to be filled in; names that it lacks are errors."""
    environment = Environment(
        loader=PackageLoader("pushforward.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def render(run: Run) -> str:
    """The page of a run."""
    if run.study is not None:
        page = study_page(run, run.study)
        return template("study.html.j2").render(page, origin=_origin(run))
    gallery = Gallery(run)
    shown = columns(run)
    return template("report.html.j2").render(
        run=run,
        origin=_origin(run),
        answer=answer(run),
        facts=_facts(run),
        dot_plot=dot_plot(run),
        columns=[(column, header(run, column)) for column in shown],
        groups=[
            ("Ranked", lines(run, run.ranked)),
            ("Not ranked", lines(run, run.unranked)),
            ("Yardsticks", lines(run, run.yardsticks)),
        ],
        troubles=troubles(run),
        advice=advice(run),
        limit=limit(run),
        features=_features(run),
        as_table=as_table(run),
        by_label=by_label(run),
        by_pixels=by_pixels(run),
        repeats=every_repeat(run),
        real_card=gallery.real_card(),
        cards=[gallery.card(s) for s in run.ranked + run.unranked],
        notes=_notes(run),
        stores=_stores(run),
    )


def _origin(run: Run) -> str:
    """What the page says of itself to a machine; no date, so that it can be drawn again alike."""
    said = {
        "report": "its pictures show generated samples",
        "data": run.data["name"],
        "methods": run.methods,
        "seed": run.settings["seed"],
        "version": run.settings["version"],
    }
    return as_text(said)


def _facts(run: Run) -> list[tuple[str, str]]:
    """What was compared on what."""
    data = run.data
    shape = run.image_shape
    facts = [("Data", data["name"])]
    kind = f"{'×'.join(map(str, shape))} images" if shape else f"{data['columns']} columns"
    facts.append(("Size", f"{data['rows']:,} rows, {kind}"))
    if data.get("modes"):
        facts.append(("Known source", f"{data['modes']} modes; drawn afresh for each repeat"))
    if run.rows:
        sizes = run.rows[0]["sizes"]
        split = f"{sizes['train']:,} training, {sizes['validation']:,} validation, "
        facts.append(("Each split", f"{split}{sizes['test']:,} test rows"))
    settings = run.settings
    facts.append(("Repeats", f"{run.repeats}, each with its own split and seed"))
    budget = settings.get("budget")
    facts.append(("Budget", f"{budget:g} s for each fit" if budget else "each stops by itself"))
    if settings.get("max_rounds"):
        facts.append(("Rounds", f"at most {settings['max_rounds']:,}"))
    facts.append(("Seed", str(settings["seed"])))
    return facts


def _features(run: Run) -> str:
    """The names of the feature maps in which rows were compared."""
    scores = [score for row in run.rows for score in row["scores"].values()]
    return ", ".join(sorted({s["features"] for s in scores if s["features"]}))


def _notes(run: Run) -> list[str]:
    """What rows had to say, each once, with the methods that said it."""
    said: dict[str, list[str]] = {}
    for row in sorted(run.rows, key=lambda row: (row["repeat"], row["method"])):
        for note in row["notes"]:
            methods = said.setdefault(note, [])
            if row["method"] not in methods:
                methods.append(row["method"])
    return [f"{', '.join(methods)}: {note}" for note, methods in said.items()]


def _stores(run: Run) -> list[str]:
    """The methods whose fitted models hold training rows."""
    rows: list[dict[str, Any]] = run.rows
    return sorted({row["method"] for row in rows if row.get("stores_training_rows")})
