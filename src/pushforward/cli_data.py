"""What commands that read data share: their options, and how the data sets are made alike."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pushforward.errors import InputError, TrainingWarning

if TYPE_CHECKING:
    from pushforward.data.dataset import Dataset
    from pushforward.data.on_disk import RowsOnDisk

Drop = Annotated[
    list[str] | None,
    typer.Option(metavar="COL", help="A column to leave out (may be repeated)."),
]
AsCategory = Annotated[
    list[str] | None,
    typer.Option(metavar="COL", help="A column to take as a category (may be repeated)."),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="PIXELS", help="Images of a folder: the size they get, 64 or 48x64 (h×w)."
    ),
]
Channels = Annotated[
    str | None,
    typer.Option(
        metavar="KIND", help="Images of a folder: convert to grey, colour or colour+alpha."
    ),
]
SkipUnreadable = Annotated[
    bool, typer.Option("--skip-unreadable", help="Images of a folder: leave out damaged ones.")
]


def images_of(
    names: Collection[str | None], size: str | None, channels: str | None, skip_unreadable: bool
) -> dict[str | None, dict[str, Any]]:
    """The options of reading each of these data sets: those of images go to folders."""
    asked = {"size": size_of(size), "channels": channels, "skip_unreadable": skip_unreadable}
    options = {name: value for name, value in asked.items() if value}
    folders = [name for name in names if name and Path(name).expanduser().is_dir()]
    if options and not folders:
        raise InputError(
            "--size, --channels and --skip-unreadable are for folders of images; leave them out"
        )
    return {name: options if name in folders else {} for name in names}


def size_of(text: str | None) -> Any:
    """Pixels, or height and width.

    >>> size_of("64"), size_of("48x64")
    (64, (48, 64))
    """
    sides = [] if text is None else text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise InputError(
            f"expected --size as pixels, 64, or as height x width, 48x64, got {text!r}"
        )
    return None if text is None else int(sides[0]) if len(sides) == 1 else tuple(map(int, sides))


def shaped(X: Any, shape: tuple[int, ...] | None) -> Any:
    """Rows as the images that they are, where they are as long as one."""
    if X is None or shape is None or X[0].size != math.prod(shape):
        return X
    return X.reshape(len(X), *shape)


def rows_like(reference: Dataset, other: Dataset) -> Any:
    """Rows to compare with the reference: its columns of a frame, an array where it is one."""
    import pandas as pd

    if not isinstance(other.X, pd.DataFrame):
        return other.X
    if not isinstance(reference.X, pd.DataFrame):
        return other.X.to_numpy(dtype=float, na_value=float("nan"))
    columns = list(reference.X.columns)
    return other.X[columns] if set(columns) <= set(other.X.columns) else other.X


def rows_for(sampler: Any, dataset: Dataset) -> Any:
    """Rows of a data set of the kind that a sampler was fitted to."""
    encoding = sampler.encoding_
    X: Any = dataset.X
    if encoding.kind == "images":
        return X.reshape(len(X), *encoding.shape) if X[0].size == math.prod(encoding.shape) else X
    if not hasattr(X, "to_numpy"):
        return X
    if encoding.kind != "frame":
        return X.to_numpy(dtype=float, na_value=float("nan"))
    fitted = list(sampler.feature_names_in_)  # perhaps without some columns of the file
    return X[fitted] if set(fitted) <= set(X.columns) else X


def left_on_disk(
    data: str | None,
    wanted: bool,
    labels: list[str],
    drop: list[str] | None,
    as_category: list[str] | None,
    images: dict[str, Any],
) -> RowsOnDisk | None:
    """Rows that stay on disk, because that is wanted or memory cannot hold them; None otherwise."""
    from pushforward.data.opened import is_too_large, open_data

    if data is None or not (wanted or is_too_large(Path(data).expanduser())):
        return None
    if as_category or images.get("skip_unreadable") or len(labels) > 1:
        raise InputError(
            f"{data}: rows that stay on disk take no --as-category, no --skip-unreadable, and one "
            "--label; leave them out, or fit to some of the rows"
        )
    label = labels[0] if labels else None
    rows = open_data(data, drop=drop or [], label=label, **images)
    say(f"{rows!r} stay on disk; their ranges are learnt from some of them")
    return rows


def pixels_of(rows: RowsOnDisk) -> dict[str, Any]:
    """What drawn images are to look like in a file; nothing where rows are no images."""
    import numpy as np

    if len(rows.shape) < 3:
        return {}
    some = rows.sample(100)
    limits = [0.0, 255.0] if some.dtype == np.uint8 else [float(some.min()), float(some.max())]
    return {"image_shape": list(rows.shape[1:]), "value_range": limits}


def forecast_of(sampler: Any, X: Any, y: Any, budget: float | None, every: bool) -> str | None:
    """What a fit will take, in words; None for a method that trains no networks."""
    from pushforward.models.neural import NeuralSampler

    if not isinstance(sampler, NeuralSampler):
        return None
    from pushforward.models.forecast import forecast

    with warnings.catch_warnings(record=True) as caught:  # the fit itself gives all others
        found = forecast(sampler, X, y, budget=budget, every_column=every)
    short = [str(w.message) for w in caught if w.category is TrainingWarning]
    return "\n".join([str(found), *short])


def say_notes(dataset: Dataset) -> None:
    for note in dataset.notes:
        say(note)


def say_extra(reference: Dataset, other: Dataset) -> None:
    """Name what `rows_like` leaves out, but for columns that the reference's notes name already."""
    columns = [set(getattr(dataset.X, "columns", ())) for dataset in (reference, other)]
    if not columns[0] < columns[1]:
        return
    told = {c for c in columns[1] for note in reference.notes if note.startswith(f"column {c!r} ")}
    extra = ", ".join(sorted(map(repr, columns[1] - columns[0] - told)))
    if extra:
        say(f"{other.name}: not compared, as {reference.name} has or keeps no such column: {extra}")


def say(text: str) -> None:
    """A note, beside what the command prints."""
    typer.echo(f"note: {text}", err=True)
