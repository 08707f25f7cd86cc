"""The card of a model: what it was learnt from, how, how good it is, and what it is not for.

A card may be shared where the data may not. It names kinds, sizes and columns, and no value of a
row: not the ends of a column either, for the largest income in a table is somebody's income.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pushforward
from pushforward.data.encoding import Encoding
from pushforward.methods import METHODS, name_of
from pushforward.sampler import Sampler

COLUMNS = 40  # that are named; of wider tables the number of the others
SCORES = {  # of a comparison that say most, and what a card says they are
    "nn_accuracy": "1-NN accuracy, about ½ where generated and real rows cannot be told apart",
    "frechet": "Fréchet distance",
    "precision": "share of generated rows that lie among real ones",
    "recall": "share of real rows that lie among generated ones",
    "copies": "share of generated rows that copy a training row",
    "near_copies": "share of generated rows that sit on a training row",
}


def model_card(sampler: Sampler, about: dict[str, Any] | None = None) -> str:
    """What a fitted model is, in Markdown; `save` puts it into the model's folder as CARD.md.

    `about` is the note that is saved with it; by default that of a model that was loaded.

    >>> import pushforward as pf
    >>> model = pf.Gaussian(random_state=0).fit([[0.0], [1.0], [3.0]])
    >>> print(model_card(model).splitlines()[0])
    # A generative model: gaussian
    """
    about = about or getattr(sampler, "about_", {})
    parts = {
        f"# A generative model: {name_of(sampler)}": _what(sampler),
        "## Learnt from": _data(sampler, about),
        "## How it was learnt": _learnt(sampler),
        "## How good it is": _scores(sampler, about),
        "## What of the training rows it gives away": _given_away(sampler),
        "## For what, and for what not": USE,
        "## Drawing from it": DRAWING,
    }
    return "\n\n".join(f"{head}\n\n{body}" for head, body in parts.items() if body) + "\n"


USE = """\
- For: examples and tests without real rows, more rows of a small class, looking at what was learnt,
  teaching, and research on generative models.
- Not for: decisions about single persons, evidence that something happened, or passing generated
  rows off as observed ones. Files that pushforward writes say that they are generated; keep that.
- What is rare or missing in the training rows is rarer or missing in what is drawn; a bias of the
  data is a bias of the model. It knows nothing beyond the range of its training rows.
- Images of people: only of those who agreed."""

DRAWING = """\
```
pushforward sample FOLDER -n 500 --out new.csv --seed 1
```
```python
import pushforward as pf
model = pf.load_model("FOLDER")
pf.write_samples("new.csv", model.sample(500, random_state=1), model)
```
Either file says that it was generated, and by which model, which `pushforward inspect new.csv`
reads back."""


def _what(sampler: Sampler) -> str:
    name = name_of(sampler)
    lines = [
        "Everything that it draws is generated, and resembles the rows that it was fitted to; no "
        "drawn row is an observation.",
        "",
    ]
    if name in METHODS:
        method = METHODS[name]
        lines.append(f"- Method: {name}, represented by {method.represented_by}; {method.paper}")
    else:
        lines.append(f"- Method: {name}")
    lines.append(f"- Version: pushforward {pushforward.__version__}")
    lines.append(f"- Fingerprint of what was learnt: `{sampler.fingerprint()}`")
    return "\n".join(lines)


def _data(sampler: Sampler, about: dict[str, Any]) -> str:
    lines = []
    if about.get("data"):
        lines.append(f"- Data: {about['data']}")
    lines.append(f"- Rows: {sampler.n_rows_:,}")
    lines += _columns(sampler.encoding_)
    conditions = getattr(sampler, "conditions_", None)
    if conditions is not None:
        lines.append(f"- Drawn by: {', '.join(map(str, conditions.columns))}")
    if sampler.takes == "other rows":
        lines.append("- And from a second set of rows, into which it translates these")
    lines.append(
        "\nRanges, means and categories are left out: the least or largest value of a column, and "
        "a rare category, are each of some one row. `model.json` beside this card has what the "
        "model needs of them, so share the folder only where those may be known."
    )
    return "\n".join(lines)


def _columns(encoding: Encoding) -> Iterator[str]:
    if encoding.kind == "images":
        yield f"- Images: {'×'.join(map(str, encoding.shape))}, {encoding.dtype}"
        return
    if encoding.kind == "array":
        yield f"- Array: {encoding.shape[0]} columns of {encoding.dtype}"
        return
    yield f"- Table: {len(encoding.columns)} columns"
    for name in encoding.columns[:COLUMNS]:
        categories = encoding.categories.get(name)
        kind = "numbers" if categories is None else f"{len(categories.values)} categories"
        yield f"  - {name}: {kind}"
    if len(encoding.columns) > COLUMNS:
        yield f"  - and {len(encoding.columns) - COLUMNS} more"


def _learnt(sampler: Sampler) -> str:
    lines = [f"- Seed: {sampler.seed_}"]
    options = {k: _plain(v) for k, v in sampler.get_params(deep=False).items()}
    options.pop("random_state", None)
    if options:
        lines.append("- Options: " + ", ".join(f"{k}={v}" for k, v in options.items()))
    rounds = getattr(sampler, "n_rounds_", None)
    if rounds is not None:
        lines.append(f"- Rounds: {rounds:,}; the state of round {sampler.best_round_:,} was kept")
    stopped = getattr(sampler, "stopped_by_", None)
    if stopped is not None:
        lines.append(f"- Stopped by: {stopped}")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    """An option that is no data: arrays and tables that were handed in are not shown."""
    if isinstance(value, Sampler):
        return name_of(value)
    if isinstance(value, (bool, int, float, str, type(None))):
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) <= 4:
        return f"({', '.join(map(_plain, value))})"
    return f"({type(value).__name__} that was handed in)"


def _scores(sampler: Sampler, about: dict[str, Any]) -> str:
    lines = []
    scores = getattr(sampler, "scores_", [])
    kept = [score for rounds, score in scores if rounds == getattr(sampler, "best_round_", None)]
    if kept:
        lines.append(
            f"- Where it stopped, generated rows were {kept[-1]:.3f} from held-out ones by 1-NN "
            "(0: they cannot be told apart; ½: always); chosen by this score, so a little "
            "flattered"
        )
    lines += [f"- {found.name}: {found.sentence}" for found in getattr(sampler, "diagnosis_", [])]
    compared = about.get("compared")
    if isinstance(compared, dict):
        lines += _compared(compared)
    translates = sampler.takes == "other rows" and sampler.encoding_.kind == "images"
    if not lines and (translates or hasattr(sampler, "upscale")):
        return (
            "Nothing was measured when it was saved. Look at what it does to images it has not "
            "seen: `pushforward report FOLDER HELD_OUT`, with `--other` where it has two sets."
        )
    if not lines:
        return (
            "Nothing was measured when it was saved. Hold what it draws against rows that it has "
            "not seen: `pushforward evaluate HELD_OUT new.csv --train TRAIN`."
        )
    return "\n".join(lines)


def scores_for_card(row: dict[str, Any]) -> dict[str, Any]:
    """What a card keeps of a row of results: its status, and the scores that say most.

    >>> scores_for_card({"status": "OK", "scores": {"frechet": {"value": 0.5, "interval": None}}})
    {'status': 'OK', 'scores': {'frechet': {'value': 0.5, 'interval': None}}}
    """
    found = {name: row["scores"][name] for name in SCORES if name in row["scores"]}
    kept = {name: {k: score[k] for k in ("value", "interval")} for name, score in found.items()}
    return {"status": row["status"], "scores": kept}


def _compared(compared: dict[str, Any]) -> Iterator[str]:
    """What a comparison found on rows that the model had not seen."""
    yield f"- Judged in a comparison on unseen rows: {compared['status']}"
    for name, score in compared["scores"].items():
        if score["value"] is not None:
            between = " ({:.4g} to {:.4g})".format(*score["interval"]) if score["interval"] else ""
            yield f"  - {SCORES[name]}: {score['value']:.4g}{between}"


def _given_away(sampler: Sampler) -> str:
    if sampler.stores_rows:
        return (
            "**This model contains training rows**, or values of them, and may draw them again: "
            "share the folder only where the rows may be shared. `pushforward sample FOLDER "
            "--reject-copies TRAIN` draws anew what would copy one."
        )
    return (
        "It stores no training row. A model can give rows away all the same, if it was fitted to "
        "few: `pushforward copies TRAIN new.csv --held-out HELD_OUT` lists the rows that it "
        "copies, and `pushforward sample FOLDER --reject-copies TRAIN` draws anew what would "
        "copy one. "
        "Neither is a guarantee of privacy."
    )
