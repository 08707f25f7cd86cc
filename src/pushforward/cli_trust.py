"""Commands about trust: where a file comes from, what gives it away, and whom it copies."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pushforward.cli_data import (
    AsCategory,
    Channels,
    Drop,
    Size,
    SkipUnreadable,
    images_of,
    rows_like,
    say_extra,
    say_notes,
    shaped,
)
from pushforward.errors import InputError

if TYPE_CHECKING:
    from pushforward.data.dataset import Dataset

commands = typer.Typer()  # taken over by the command line

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Features = Annotated[
    str | None,
    typer.Option(
        help="Compare by pixels, raw, standardised, pca:K, inception:FILE, or the folder of a "
        "saved classifier."
    ),
]
SHOWN = 10  # of copies, in what is printed


@commands.command()
def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A file of samples, a model, a run, a checkpoint or a report."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Say what a file or a folder says of where it comes from.

    Example: pushforward inspect new.csv
    """
    from pushforward.inspection import inspect as look

    found = look(path)
    typer.echo(json.dumps(found.to_dict(), default=str) if as_json else str(found))


@commands.command(short_help="Say how far generated rows can be told from real ones.")
def detect(
    real: Annotated[
        str, typer.Argument(metavar="REAL", help="Real rows that the generator has not seen.")
    ],
    suspect: Annotated[str, typer.Argument(metavar="SUSPECT", help="Rows that may be generated.")],
    known: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Rows known to be generated: learn from these, and only judge SUSPECT.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A .csv with each row's probability of being generated.")
    ] = None,
    features: Features = None,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    as_json: AsJson = False,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Say how far generated rows can be told from real ones, and how likely each is generated.

    Example: pushforward detect held_out.csv new.csv --out probabilities.csv
    """
    from pushforward.evaluation.detection import LIMITS
    from pushforward.evaluation.detection import detect as tell

    names = (real, suspect, known)
    _, (X, S, K) = _alike(
        names, drop, as_category, images_of(names, size, channels, skip_unreadable), as_json
    )
    if out is not None and out.suffix.lower() != ".csv":
        raise InputError(f"expected --out as a .csv file, got {out}")
    with warnings.catch_warnings():
        if as_json:
            warnings.simplefilter("ignore")
        found = tell(X, S, known=K, features=features, seed=seed)
    if out is not None:
        from pushforward.storage import write_atomically

        write_atomically(out, found.to_frame().to_csv(index=False).encode())
    if as_json:
        typer.echo(json.dumps(found.to_dict() | {"limits": LIMITS}))
        return
    typer.echo(f"{suspect} against {real}, by {found.features}\n{found}\n{LIMITS}")
    if out is not None:
        typer.echo(f"each row's probability: {out}")


@commands.command(short_help="List generated rows or images that copy a training row.")
def copies(
    train: Annotated[
        str, typer.Argument(metavar="TRAIN", help="The rows that the model was fitted to.")
    ],
    fake: Annotated[str, typer.Argument(metavar="GENERATED", help="What it drew.")],
    held_out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Real rows that the model has not seen, which say what is chance."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="A .csv that lists the copies, or for images a .png that draws them beside the "
            "training images."
        ),
    ] = None,
    features: Features = None,
    quantile: Annotated[
        float, typer.Option(help="The share of unseen rows that pass for copies, by chance.")
    ] = 0.01,
    as_json: AsJson = False,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """List the generated rows or images that copy a training row, and draw them beside it.

    Example: pushforward copies mydata.csv new.csv --held-out held_out.csv
    """
    from pushforward.evaluation.copied import copies as find

    if out is not None and out.suffix.lower() not in (".csv", ".png"):
        raise InputError(f"expected --out as a .csv or a .png file, got {out}")
    names = (train, fake, held_out)
    reference, (T, F, H) = _alike(
        names, drop, as_category, images_of(names, size, channels, skip_unreadable), as_json
    )
    if out is not None and out.suffix.lower() == ".png" and reference.image_shape is None:
        raise InputError(
            f"{train} has no images to draw; list the rows in a .csv, --out {out.stem}.csv"
        )
    with warnings.catch_warnings():
        if as_json:
            warnings.simplefilter("ignore")
        found = find(T, F, H, features=features, quantile=quantile)
    if out is not None:
        _keep(out, found, T, F)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
        return
    typer.echo(str(found))
    if held_out is None:
        typer.echo("without --held-out no row is one that the model has not seen")
    if len(found.found):
        from pushforward.report.copied import pairs_in_words

        typer.echo(pairs_in_words(found, T, F, SHOWN))
    if out is not None:
        typer.echo(str(out))


def _keep(out: Path, found: Any, train: Any, fake: Any) -> None:
    """The list of copies, or a picture of them."""
    from pushforward.storage import write_atomically

    if out.suffix.lower() == ".csv":
        write_atomically(out, found.found.to_csv(index=False).encode())
    else:
        from pushforward.report.copied import draw_copies

        draw_copies(found, train, fake, out)


def _alike(
    names: tuple[str | None, ...],
    drop: list[str] | None,
    as_category: list[str] | None,
    images: dict[str | None, dict[str, Any]],
    quiet: bool,
) -> tuple[Dataset, list[Any]]:
    """The data sets of these names with the columns of the first, as images where they are."""
    from pushforward.data.load import load_data, read_data

    first, *rest = names
    assert first is not None
    reference = load_data(first, drop=drop or [], as_category=as_category or [], **images[first])
    if not quiet:
        say_notes(reference)
    X: list[Any] = [reference.X]
    for name in rest:
        other = None if name is None else read_data(name, **images[name])
        if other is not None and not quiet:
            say_extra(reference, other)
        X.append(None if other is None else rows_like(reference, other))
    if reference.image_shape is not None:
        X = [shaped(rows, reference.image_shape) for rows in X]
    return reference, X
