"""The command that draws reports: of a run again, and of a model on images it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pushforward.cli_data import (
    Channels,
    Size,
    SkipUnreadable,
    images_of,
)
from pushforward.errors import InputError

commands = typer.Typer()  # taken over by the command line

CHANNELS = {1: "grey", 3: "colour", 4: "colour+alpha"}


@commands.command(short_help="Draw the report of a run again, or of a model of images.")
def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A folder of compare or study; or a model of cycle-gan, shared-autoencoder, "
            "sim-gan or super-resolution.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="Of a model: images that it has not seen, a folder or a file.",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(metavar="DATA_B", help="Unseen images of the second set, for a model of two."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Of a model: an .html file; DIR-report.html beside it.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="Of a model: compare by inception:FILE, pca:K or the folder of a saved "
            "classifier; by pixels."
        ),
    ] = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Draw the report of a run again, or of what a model does to images: before and after.

    Example: pushforward report runs/digits-1a2b3c4d

    Example: pushforward report models/ab new/a --other new/b
    """
    if not (folder / "model.json").is_file():
        if any((data, other, out, features, size, channels, skip_unreadable)):
            raise InputError(
                f"{folder} is no model: the report of a run is drawn from its folder alone, "
                "pushforward report DIR"
            )
        from pushforward.report.html import write_report

        typer.echo(f"report: {write_report(folder)}")
        return
    from pushforward.methods import code_of, load_model
    from pushforward.report.model_page import write_model_report

    if data is None:
        raise InputError(
            f"{folder} is a model: name images that it has not seen, pushforward report {folder} "
            "DATA (and --other DATA_B for a model of two sets)"
        )
    # What a model learnt by is not needed to use it.
    model: Any = load_model(folder, **{k: None for k in code_of(folder) if k == "features"})
    images = images_of((data, other), size, channels, skip_unreadable)
    X = _held_out(data, images[data], model.encoding_)
    there = getattr(model, "other_encoding_", model.encoding_)
    y = None if other is None else _held_out(other, images[other], there)
    whole = folder if folder.name not in ("", "..") else folder.resolve()
    path = out or whole.with_name(f"{whole.name}-report.html")
    name = " and ".join(Path(each).name for each in (data, other) if each)
    typer.echo(f"report: {write_model_report(path, model, X, y, features=features, name=name)}")


def _held_out(name: str, options: dict[str, Any], encoding: Any) -> Any:
    """Images of a file or a folder; those of a folder as large as what was fitted."""
    from pushforward.data.load import read_data

    if Path(name).expanduser().is_dir() and encoding.kind == "images":
        h, w, *c = encoding.shape
        fitted: dict[str, Any] = {"size": (h, w), "channels": CHANNELS.get(c[0] if c else 1)}
        options = fitted | options
    dataset = read_data(name, **options)
    if dataset.image_shape is None:
        raise InputError(f"expected images, {name} has rows of {dataset.X.shape[1]} columns")
    X: Any = dataset.X
    return X.reshape(len(X), *dataset.image_shape)
