"""The command line: parse, call, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import ast
import json
import os
import sys
import traceback
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pushforward import __version__, cli_report, cli_trust
from pushforward.cli_data import (
    AsCategory,
    Channels,
    Drop,
    Size,
    SkipUnreadable,
    forecast_of,
    images_of,
    left_on_disk,
    pixels_of,
    rows_for,
    rows_like,
    say,
    say_extra,
    say_notes,
    shaped,
)
from pushforward.errors import Diverged, InputError, PushforwardError
from pushforward.progress import counting_bar, on_terminal
from pushforward.signals import exit_code, interrupting

if TYPE_CHECKING:
    from pushforward.data.dataset import Dataset
    from pushforward.study.compare import Comparison

# Click's class of usage errors: typer ships it under other names from version to version.
UsageError: Any = typer.BadParameter.__base__

FAILED, MISUSED = 1, 2
WORDS = {"true": "True", "yes": "True", "false": "False", "no": "False", "none": "None"}
INTERRUPTED = 130  # what typer makes of Ctrl-C
ORDER = (  # of commands in --help: what most need first
    *("compare", "fit", "sample", "evaluate", "study", "report", "copies", "detect", "inspect"),
    *("translate", "swap", "upscale", "methods"),
)

app = typer.Typer(
    name="pushforward",
    help="Draw new samples from a distribution, however it is represented, and say how good they "
    "are.\n\nExample: pushforward compare mydata.csv",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="digits, glyphs, triangles, ring, grid, manifold, wine, breast-cancer, a file, or a "
        "folder of images.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="A whole number; the same one repeats the result.")
]
Label = Annotated[
    list[str] | None,
    typer.Option(metavar="COL", help="A column that holds labels (may be repeated)."),
]
Out = Annotated[
    str,
    typer.Option(
        help="A .csv, .parquet, .npy, .npz or .png file, or for images a folder/ of .png files."
    ),
]
Density = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:FUNCTION",
        help="The density, for metropolis-hastings its logarithm, that gives the law.",
    ),
]
Quantile = Annotated[
    str | None, typer.Option(metavar="MODULE:FUNCTION", help="The inverse CDF that gives the law.")
]
Cdf = Annotated[
    str | None, typer.Option(metavar="MODULE:FUNCTION", help="The CDF that gives the law.")
]

Methods = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Names separated by commas, or all.")
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COL",
        help="The column that models are to predict after learning from generated rows.",
    ),
]
MaxRounds = Annotated[int | None, typer.Option(metavar="N", help="Rounds each fit may train.")]
RunSeed = Annotated[
    int, typer.Option(metavar="N", help="Of splits and fits: the same one repeats the run.")
]
RunFolderOption = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Run folder; runs/<data>-<hash>.")
]
RealRows = Annotated[
    bool, typer.Option("--real-rows/--no-real-rows", help="Keep real rows in the report.")
]


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Options of every command; `--debug` is read in `main`."""
    if version:
        typer.echo(f"pushforward {__version__}")
        raise typer.Exit


@app.command()
def methods(
    picture: Annotated[
        Path | None, typer.Option(help="Draw the landscape of methods into this .png file.")
    ] = None,
) -> None:
    """List the methods: what each is represented by, needs and gives.

    Example: pushforward methods --picture landscape.png
    """
    from pushforward.methods import METHODS

    if picture is not None:
        from pushforward.report.landscape import write_landscape

        typer.echo(write_landscape(picture, METHODS.values()))
        return
    head = ("name", "represented by", "needs", "gives", "paper")
    rows = [(m.name, m.represented_by, m.needs, m.gives or "-", m.paper) for m in METHODS.values()]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


@app.command()
def fit(
    method: Annotated[str, typer.Option(metavar="NAME", help="A name from `pushforward methods`.")],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="digits, glyphs, triangles, ring, grid, manifold, wine, breast-cancer, a file, or "
            "a folder of images; not needed where a function gives the law.",
            show_default=False,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the method."),
    ] = None,
    density: Density = None,
    quantile: Quantile = None,
    cdf: Cdf = None,
    seed: Seed = None,
    label: Label = None,
    other: Annotated[
        str | None,
        typer.Option(metavar="DATA_B", help="The other set of rows, for a method of two."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Model folder; models/<data>-<method>.")
    ] = None,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
    budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds the fit may take.")
    ] = None,
    track: Annotated[
        str | None,
        typer.Option(
            help="Tell the learning curve to tensorboard:FOLDER, mlflow:EXPERIMENT or "
            "wandb:PROJECT."
        ),
    ] = None,
    traces: Annotated[
        Path | None, typer.Option(help="Draw traces, ranks and autocorrelation into this .png.")
    ] = None,
    on_disk: Annotated[
        bool,
        typer.Option("--on-disk", help="Leave rows on disk, as those are that memory cannot hold."),
    ] = False,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Say how long it will take, and stop.")
    ] = False,
) -> None:
    """Fit a method to data, or to a function, and save the model.

    An interrupted fit is gone on with by the same command.

    Example: pushforward fit digits --method vae --set latent_dim=8 --seed 0 --out models/vae
    """
    from pushforward.methods import get_method
    from pushforward.safekeeping import discard, parts_of, recall
    from pushforward.sampler import fresh_seed

    settings = _settings(set_)
    kind = get_method(method).sampler
    tracker = _tracker(track, kind, method)
    if traces is not None and not hasattr(kind, "draws_"):
        raise InputError(f"--traces draws chains, and {method} has none; leave it out")
    settings |= _code(kind._get_param_names(), density, quantile, cdf)
    get_method(method).make(**settings)  # a misspelt name is told before the data is read
    images = images_of((data, other), size, channels, skip_unreadable)
    rows = left_on_disk(data, on_disk, label or [], drop, as_category, images[data])
    dataset = None
    if rows is None:
        dataset = _data_to_fit(method, data, settings, label or [], drop, as_category, images[data])
    second = _second_set(method, other, drop, as_category, images[other])
    source: Any = dataset if rows is None else rows
    name = (density or quantile or cdf or "").replace(":", "-") if source is None else source.name
    path = out or Path("models") / f"{name}-{method}"
    if path.exists() and any(path.iterdir() if path.is_dir() else [path]):
        raise InputError(f"{path} is there already; choose another folder with --out")
    checkpoint = path.with_name(path.name + ".checkpoint")
    begun = parts_of(checkpoint)
    if begun:
        say(f"going on with the fit that was interrupted, from {checkpoint}")
        if seed is None:  # the same command, so the same seed
            seed = recall(begun[0])["fingerprint"]["seed"]
    sampler = get_method(method).make(**settings, random_state=fresh_seed(seed))
    y = second.as_samples(second.X) if second else _labels(dataset)
    X = dataset.as_samples(dataset.X) if dataset else rows
    if forecast or (on_terminal() and not begun):
        told = forecast_of(sampler, X, y, budget, second is not None)
        if forecast:
            typer.echo(told or f"{method} trains no networks: its fit has no rounds to be timed")
            return
        if told:
            say(told)
    # Columns were chosen already; what is left of identifiers is numbered anew.
    sampler.fit(
        X, y, checkpoint=checkpoint, budget=budget, every_column=second is not None, track=tracker
    )
    about: dict[str, Any] = {"method": method, "data": name}
    if dataset is not None:
        about = _about(dataset, method)
    if rows is not None:
        about |= pixels_of(rows)
    if second is not None:
        about["other"] = _about(second, method)
    sampler.save(path, about=about)
    discard(checkpoint)
    if hasattr(sampler, "summary"):
        typer.echo(f"{sampler.summary()}\n")
    if traces is not None:
        from pushforward.report.traces import draw_traces

        typer.echo(draw_traces(sampler, traces))
    typer.echo(f"{path} (seed {sampler.seed_})")


def _tracker(track: str | None, kind: type, method: str) -> Any:
    """Who is told the learning curve; None where nobody was named."""
    if track is None:
        return None
    if not hasattr(kind, "_game"):
        raise InputError(f"{method} does not train in rounds, so --track has nothing to tell")
    from pushforward.training.tracking import tracker_of

    return tracker_of(track)


def _data_to_fit(
    method: str,
    data: str | None,
    settings: dict[str, Any],
    labels: list[str],
    drop: list[str] | None,
    as_category: list[str] | None,
    images: dict[str, Any],
) -> Dataset | None:
    """The rows to fit to; None where a function gives the law."""
    from pushforward.data.load import load_data, read_data
    from pushforward.methods import get_method

    if data is None:
        if any(callable(value) for value in settings.values()):
            return None
        raise InputError(f"expected DATA for {method} to learn from, or a function: see --help")
    by_label = get_method(method).sampler.takes == "labels"
    if by_label:
        if labels and read_data(data, **images).y is not None:
            raise InputError(
                f"{data} has labels of its own, which {method} takes; leave out --label"
            )
        dataset = load_data(
            data,
            drop=drop or [],
            as_category=as_category or [],
            label=labels,
            identifiers=True,
            **images,
        )
        if dataset.y is None:
            raise InputError(
                f"{method} draws by label, and {dataset.name} has none; name their column, "
                "--label COL, or put the images of each label into a sub-folder"
            )
    else:  # a label is learnt jointly, as one more category
        categories = [*(as_category or []), *labels]
        one = get_method(method).sampler.takes != "other rows"
        dataset = load_data(
            data, drop=drop or [], as_category=categories, identifiers=one, **images
        )
    say_notes(dataset)
    if labels and not by_label:
        named = ", ".join(map(repr, labels))
        say(f"{method} does not draw by label; {named} is learnt as one more category")
    return dataset


def _labels(dataset: Dataset | None) -> Any:
    """The labels of a data set, under the name of their column."""
    from pushforward.data.dataset import labels_by_name

    return None if dataset is None else labels_by_name(dataset.y, dataset.label)


def _second_set(
    method: str,
    other: str | None,
    drop: list[str] | None,
    as_category: list[str] | None,
    images: dict[str, Any],
) -> Dataset | None:
    """The rows of the other domain, for a method that learns from two."""
    from pushforward.data.load import load_data, read_data
    from pushforward.methods import get_method

    wanted = get_method(method).sampler.takes == "other rows"
    if wanted != (other is not None):
        raise InputError(
            f"{method} learns from two sets of rows: name the second, --other DATA_B"
            if wanted
            else f"{method} learns from one set of rows; leave out --other"
        )
    if other is None:
        return None
    there = list(
        getattr(read_data(other, **images).X, "columns", [])
    )  # the two may differ in columns
    dataset = load_data(
        other,
        drop=[name for name in drop or [] if name in there],
        as_category=[name for name in as_category or [] if name in there],
        **images,
    )
    say_notes(dataset)
    return dataset


def _code(
    known: Collection[str], density: str | None, quantile: str | None, cdf: str | None
) -> dict[str, Any]:
    """The functions of the user, by the names of the parameters that take them."""
    of_density = "log_prob" if "log_prob" in known else "density"
    asked = {of_density: density, "quantile": quantile, "cdf": cdf}
    given = {name: where for name, where in asked.items() if where is not None}
    if not set(given) <= set(known):
        raise InputError("the method or model takes no function of this kind; see --help")
    return {name: _imported(where) for name, where in given.items()}


def _unused(names: Collection[str]) -> dict[str, None]:
    """Code that says what to learn, and is not needed to use what was learnt."""
    return {name: None for name in names if name == "features"}


def _imported(where: str) -> Any:
    """What `module:name` names, seen from the folder that the command is called in."""
    import importlib

    module, colon, name = where.partition(":")
    if not (module and colon and name):
        raise InputError(f"expected MODULE:FUNCTION, e.g. mymodel:log_prob, got {where!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise InputError(
            f"cannot import {module!r} ({error}); call the command in the folder of {module}.py, "
            "or install it"
        ) from error
    except AttributeError as error:
        raise InputError(f"there is no {name!r} in {module}") from error
    if not callable(found):
        raise InputError(f"expected a function, {where} is a {type(found).__name__}")
    return found


def _settings(pairs: list[str] | None) -> dict[str, Any]:
    """`key=value` pairs, each value true, false, none, a Python literal, or words.

    >>> _settings(["latent_dim=8", "hidden=64,64", "linear=true", "support=0,inf"])
    {'latent_dim': 8, 'hidden': (64, 64), 'linear': True, 'support': (0, inf)}
    >>> _settings(["objective=minimax", "family=gamma,norm"])
    {'objective': 'minimax', 'family': ('gamma', 'norm')}
    """
    settings = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"expected --set key=value, got {pair!r}")
        settings[key] = _value(value)
    if "random_state" in settings:
        raise InputError("the seed is set by --seed")
    return settings


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(WORDS.get(text.lower(), text))
    except (ValueError, SyntaxError):
        if text in ("inf", "-inf"):
            return float(text)
        inside = text.removeprefix("(").removesuffix(")")
        return tuple(map(_value, inside.split(","))) if "," in inside else text


def _about(dataset: Dataset, method: str) -> dict[str, Any]:
    """What the model's samples are to look like in a file."""
    import numpy as np

    about: dict[str, Any] = {"method": method, "data": dataset.name}
    if dataset.image_shape is not None:
        X = np.asarray(dataset.X)
        about["image_shape"] = list(dataset.image_shape)
        whole = X.dtype == np.uint8  # pixels as files have them
        about["value_range"] = [0.0, 255.0] if whole else [float(X.min()), float(X.max())]
    return about


@app.command(short_help="Draw samples from a saved model into a file.")
def sample(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="A model folder that `fit` wrote.")],
    out: Out,
    n: Annotated[int, typer.Option("-n", "--number", metavar="N", help="How many samples.")] = 100,
    given: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="A label, or column=value, =low..high, =a|b, =missing (may be repeated), to draw "
            "under.",
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seconds that drawing under conditions may take; 60."),
    ] = None,
    reject_copies: Annotated[
        str | None,
        typer.Option(
            metavar="TRAIN", help="The rows it was fitted to: draw again what would copy one."
        ),
    ] = None,
    seed: Seed = None,
    density: Density = None,
    quantile: Quantile = None,
    cdf: Cdf = None,
) -> None:
    """Draw samples from a saved model into a file that says where they come from.

    Into a folder, each image becomes a file, in sub-folders by label where they are drawn by label.

    A function that gave the law is handed in again: no model file holds or imports code.

    Example: pushforward sample models/vae -n 500 --out new.csv --seed 1

    Example: pushforward sample models/people -n 500 --given city=Bern --given age=30..40
    --out bern.csv
    """
    from pushforward.methods import code_of, load_model

    unused = _unused(code_of(model))
    needed = [name for name in code_of(model) if name not in unused]
    code = _code(needed, density, quantile, cdf)
    if set(needed) - set(code):
        options = {"log_prob": "--density", "density": "--density"}
        asked = " ".join(f"{options.get(name, '--' + name)} module:function" for name in needed)
        raise InputError(
            f"the model was fitted with a function, which no file holds; hand it in again: {asked}"
        )
    sampler: Any = load_model(model, **code, **unused)
    wanted = _meant(_given(given, _askable(sampler)), sampler) if given else None
    rows: Any = False
    if reject_copies is not None:
        from pushforward.data.load import read_data

        rows = rows_for(sampler, read_data(reject_copies))
    X = sampler.sample(n, given=wanted, random_state=seed, budget=budget, reject_copies=rows)
    how = _drawn_how(sampler, given, reject_copies)
    written = _write(out, X, sampler, sampler.about_, how)
    typer.echo(f"{' '.join(map(str, written))} (seed {sampler.sample_seed_})")


def _drawn_how(sampler: Any, given: list[str] | None, reject_copies: str | None) -> dict[str, Any]:
    """What a file says of how its rows were drawn; what it took is said on the terminal too."""
    how: dict[str, Any] = {"given": given} if given else {}
    acceptance = getattr(sampler, "sample_acceptance_", None)
    if acceptance is not None:
        how["acceptance"] = acceptance.to_dict()
        if acceptance.accepted < acceptance.drawn:
            say(f"{acceptance.accepted} of {acceptance.drawn} draws met {acceptance.asked}")
    if sampler.sample_copied_ is not None:
        how["copies"] = sampler.sample_copied_ | {"rejected": reject_copies}
        say(
            "{copied} of {drawn} draws copied a training row and were drawn again".format_map(
                sampler.sample_copied_
            )
        )
    how["seed"] = sampler.sample_seed_
    return how


@app.command()
def translate(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="A model of two sets of rows.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Rows of one of the two.")],
    out: Out,
    to: Annotated[str, typer.Option(help="b, the set after --other, or a, the first.")] = "b",
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Translate rows of one set into rows of the other.

    Example: pushforward translate models/moons-cycle-gan moons.csv --to b --out circles.csv
    """
    from pushforward.methods import load_model

    sampler: Any = load_model(model)
    if not hasattr(sampler, "translate"):
        raise InputError(f"{model} does not translate; fit a method of two sets, e.g. cycle-gan")
    _translated(sampler, data, out, to, images_of((data,), size, channels, skip_unreadable)[data])


@app.command(short_help="Give images the identity of another set of images.")
def swap(
    model: Annotated[
        Path, typer.Argument(metavar="DIR", help="A model of two identities, shared-autoencoder.")
    ],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Images of either: folder or file.")],
    out: Out,
    to: Annotated[str, typer.Option(help="b, whose images came after --other, or a.")] = "b",
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Give images the other identity: encode them, and decode them as A's or B's.

    Every file that is written says that it is generated.

    Example: pushforward swap models/ab-shared-autoencoder a/ --to b --out swapped/
    """
    from pushforward.methods import load_model

    sampler: Any = load_model(model)
    if not (hasattr(sampler, "translate") and hasattr(sampler, "transform")):
        raise InputError(f"{model} does not swap; fit shared-autoencoder to two sets of images")
    _translated(sampler, data, out, to, images_of((data,), size, channels, skip_unreadable)[data])


def _translated(sampler: Any, data: str, out: str, to: str, images: dict[str, Any]) -> None:
    """Translate the rows of a data set, and write them into a file that says so."""
    from pushforward.data.load import read_data

    source = sampler.other_encoding_ if to == "a" else sampler.encoding_
    dataset = read_data(data, **images)
    X: Any = dataset.as_samples(dataset.X)
    if hasattr(X, "to_numpy"):
        if source.kind != "frame":
            X = X.to_numpy()
        else:
            lacking = [name for name in source.columns if name not in X]
            if lacking:
                raise InputError(
                    f"expected the columns {', '.join(source.columns)} of the set that {to!r} is "
                    f"translated from; {data} lacks {', '.join(lacking)}"
                )
            X = X[source.columns]  # it was fitted without the others
    about = sampler.about_ if to == "a" else sampler.about_.get("other", {})
    written = _write(out, sampler.translate(X, to=to), sampler, about, {"to": to, "data": data})
    typer.echo(" ".join(map(str, written)))


@app.command(short_help="Make small images large.")
def upscale(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="A model of super-resolution.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Small images: a folder or a file.")],
    out: Out,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Make small images as large as those that the model was fitted to.

    Example: pushforward upscale models/photos-super-resolution small/ --out large/
    """
    from pushforward.data.load import read_data
    from pushforward.methods import code_of, load_model

    sampler: Any = load_model(model, **_unused(code_of(model)))
    if not hasattr(sampler, "upscale"):
        raise InputError(f"{model} does not upscale; fit super-resolution to large images")
    dataset = read_data(data, **images_of((data,), size, channels, skip_unreadable)[data])
    if dataset.image_shape is None:
        raise InputError(f"expected images, {data} has rows of {dataset.X.shape[1]} columns")
    X: Any = dataset.X
    large = sampler.upscale(X.reshape(len(X), *dataset.image_shape))
    written = _write(out, large, sampler, sampler.about_, {"data": data})
    typer.echo(" ".join(map(str, written)))


def _askable(sampler: Any) -> list[str]:
    """The names of what a model can be asked for by: labels, and columns of its rows."""
    conditions = getattr(sampler, "conditions_", None)
    labels = [] if conditions is None else conditions.columns
    return [*labels, *sampler.encoding_.columns]


def _meant(asked: Any, sampler: Any) -> Any:
    """Ranges, sets and holes as they are written on a command line, by the kind of the column."""
    from pushforward.data.asked import from_text, is_column

    conditions = getattr(sampler, "conditions_", None)
    if isinstance(asked, str):
        if conditions is not None:
            return from_text(asked, conditions.columns[0], conditions.encoding)
        if hasattr(sampler, "categories"):  # codes
            return asked
        raise InputError(f"the model does not draw by label; name a column, --given column={asked}")
    meant = dict(asked)
    for name, text in asked.items():
        if conditions is not None and name in conditions.columns:
            meant[name] = from_text(text, name, conditions.encoding)
        elif is_column(name, sampler.encoding_):
            meant[name] = from_text(text, name, sampler.encoding_)
    return meant


def _given(pairs: list[str], names: list[str]) -> Any:
    """A label, or values by the names of their columns, all as text: the model knows their kinds.

    >>> _given(["city=Bern", "age=40"], ["city", "age"]), _given(["yes"], ["y"])
    ({'city': 'Bern', 'age': '40'}, 'yes')
    """
    if len(pairs) == 1 and "=" not in pairs[0]:
        return pairs[0]
    named: dict[str, str] = {}
    for pair in pairs:
        known = [name for name in names if pair.startswith(f"{name}=")]  # with a = inside, perhaps
        key = max(known, key=len) if known else pair.partition("=")[0]
        if not key or key == pair:
            raise InputError(f"expected --given column=value, got {pair!r}")
        if key in named:
            raise InputError(f"--given names {key!r} twice; give one value for all samples")
        named[key] = pair[len(key) + 1 :]
    return named


def _write(
    out: str, X: Any, sampler: Any, about: dict[str, Any], how: dict[str, Any]
) -> list[Path]:
    """Write what a model drew, and say in the file where it comes from."""
    from pushforward.origin import write_samples

    shape, limits = about.get("image_shape"), about.get("value_range")
    return write_samples(
        out,
        X,
        sampler,
        how,
        image_shape=tuple(shape) if shape else None,
        value_range=tuple(limits) if limits else None,
    )


@app.command()
def evaluate(
    real: Annotated[
        str, typer.Argument(metavar="REAL", help="Real rows that the model has not seen.")
    ],
    fake: Annotated[str, typer.Argument(metavar="FAKE", help="Generated rows.")],
    train: Annotated[
        str | None, typer.Option(help="The rows the model was fitted to, to look for copies.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="Compare by pixels, raw, standardised, pca:K, inception:FILE, or the folder of a "
            "saved classifier."
        ),
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="More measures and tests; takes seconds longer.")
    ] = False,
    target: Target = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object and nothing else.")
    ] = False,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Score generated rows against real ones.

    Example: pushforward evaluate held_out.csv new.csv --train mydata.csv
    """
    from pushforward.data.load import load_data, read_data
    from pushforward.evaluation.evaluate import evaluate as score
    from pushforward.evaluation.features import Standardised, pixels
    from pushforward.evaluation.marginal_scores import differing
    from pushforward.evaluation.verdict import notes, told_apart, verdict

    images = images_of((real, fake, train), size, channels, skip_unreadable)
    reference = load_data(real, drop=drop or [], as_category=as_category or [], **images[real])
    if not as_json:
        say_notes(reference)
    others: list[Any] = []
    for name in (fake, train):
        other = None if name is None else read_data(name, **images[name])
        if other is not None and not as_json:
            say_extra(reference, other)
        others.append(None if other is None else rows_like(reference, other))
    compared_by = reference.X if others[1] is None else others[1]
    compare_by: Any = features
    if features is None or features == "standardised":
        by_pixels = reference.image_shape is not None and features is None
        compare_by = pixels if by_pixels else Standardised(compared_by, every_column=True)
    X: Any = reference.X
    if features is not None and (features.startswith("inception:") or Path(features).is_dir()):
        X, *others = (shaped(A, reference.image_shape) for A in (X, *others))  # networks see them
    with warnings.catch_warnings():
        if as_json:
            warnings.simplefilter("ignore")
        scores = score(
            X,
            others[0],
            others[1],
            reference.source,
            features=compare_by,
            thorough=thorough,
            target=target,
        )
    found, more = verdict(scores), notes(scores)
    if as_json:
        said = {"verdict": found._asdict(), "notes": [note._asdict() for note in more]}
        if scores.columns is not None:
            columns = scores.columns.reset_index().astype({"column": str})
            said["by_column"] = columns.to_dict("records")
        typer.echo(json.dumps(scores.to_dict() | said, allow_nan=False))
        return
    typer.echo(str(scores))
    if scores.columns is not None:
        typer.echo(differing(scores.columns))
    apart = told_apart(scores)
    if apart is not None:
        typer.echo(apart)
    typer.echo(f"{found.name}: {found.reason}")
    for note in more:
        typer.echo(f"{note.name}: {note.sentence}")


@app.command(short_help="Find the generator that suits the data, and write a report.")
def compare(
    data: Data,
    methods: Methods = None,
    label: Label = None,
    repeats: Annotated[int, typer.Option(metavar="N", help="Splits, each with a fresh seed.")] = 3,
    budget: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Seconds for each fit, tuning included."),
    ] = None,
    max_rounds: MaxRounds = None,
    target: Target = None,
    seed: RunSeed = 0,
    out: RunFolderOption = None,
    real_rows: RealRows = True,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Fits side by side; one per core.")
    ] = None,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Say how long all of it will take, and stop.")
    ] = False,
) -> None:
    """Fit the generators that suit the data, judge them on unseen rows, write one report.

    The same command goes on with an interrupted run.

    Example: pushforward compare mydata.csv --budget 60 --out runs/mine
    """
    from pushforward.study.compare import compare as run
    from pushforward.study.request import choose_methods

    choose_methods(methods)  # a misspelt name is told before the data is read
    dataset = _judged_data(data, label, drop, as_category, size, channels, skip_unreadable)
    asked: dict[str, Any] = {
        "methods": methods,
        "repeats": repeats,
        "budget": budget,
        "max_rounds": max_rounds,
        "seed": seed,
        "jobs": jobs,
        "target": target,
    }
    if forecast:
        from pushforward.study.forecast import forecast_comparison

        typer.echo(forecast_comparison(dataset, **asked))
        return
    with _meter() as watch:
        result = run(dataset, out=out, real_rows=real_rows, watch=watch, **asked)
    _conclude(result)


@app.command(short_help="Search every method's options first, then compare the best.")
def study(
    data: Data,
    methods: Methods = None,
    trials: Annotated[
        int,
        typer.Option(
            metavar="N", help="Fits of the search, each with other options, for each method."
        ),
    ] = 100,
    restarts: Annotated[
        int, typer.Option(metavar="N", help="Fits of each method's best trial again, other seeds.")
    ] = 10,
    ranges: Annotated[str, typer.Option(help="wide or narrow, of the registry.")] = "wide",
    space: Annotated[
        Path | None,
        typer.Option(help='Ranges of your own, {"wgan": {"clip": {"log_uniform": [0.01, 1]}}}.'),
    ] = None,
    objective: Annotated[
        str, typer.Option(help="distance, by which methods are ranked, or a score: frechet.")
    ] = "distance",
    search: Annotated[str, typer.Option(help="random, or a sampler of Optuna: tpe.")] = "random",
    storage: Annotated[
        str | None, typer.Option(help="Optuna's database, a URL; a journal in the run folder.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds of search for each method.")
    ] = None,
    max_rounds: MaxRounds = None,
    label: Label = None,
    seed: RunSeed = 0,
    out: RunFolderOption = None,
    real_rows: RealRows = True,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Fits side by side; one per core.")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray for several machines.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; without one it is started here.")
    ] = None,
    drop: Drop = None,
    as_category: AsCategory = None,
    size: Size = None,
    channels: Channels = None,
    skip_unreadable: SkipUnreadable = False,
) -> None:
    """Search for the best options of every method with one effort, then judge the winners.

    The same command goes on with an interrupted study, and with more --trials farther.

    Example: pushforward study digits --methods gan,wgan-gp,vae --trials 20 --max-rounds 2000
    """
    from pushforward.space import read_spaces
    from pushforward.study.claims import ranks_in_words
    from pushforward.study.request import choose_methods
    from pushforward.study.study import run_study

    choose_methods(methods)  # a misspelt name is told before the data is read
    spaces = read_spaces(space) if space is not None else None
    dataset = _judged_data(data, label, drop, as_category, size, channels, skip_unreadable)
    with _meter() as watch:
        result = run_study(
            dataset,
            methods=methods,
            trials=trials,
            restarts=restarts,
            ranges=ranges,
            space=spaces,
            objective=objective,
            search=search,
            storage=storage,
            budget=budget,
            max_rounds=max_rounds,
            seed=seed,
            out=out,
            real_rows=real_rows,
            jobs=jobs,
            engine=engine,
            address=address,
            watch=watch,
        )
    for method, best in result.best.items():
        if best is None:
            typer.echo(f"{method}: every trial{' so far' * result.interrupted} failed")
        elif best["options"]:
            chosen = ", ".join(f"{k}={_short(v)}" for k, v in best["options"].items())
            typer.echo(f"{method}: best of its trials is number {best['repeat']}, {chosen}")
    ranks = ranks_in_words(result.folder)
    if ranks:
        typer.echo(f"\n{ranks}\n")
    _conclude(result)


def _judged_data(
    data: str,
    label: list[str] | None,
    drop: list[str] | None,
    as_category: list[str] | None,
    size: str | None,
    channels: str | None,
    skip_unreadable: bool,
) -> Dataset:
    """The data of a comparison or a study, with notes on what was left out."""
    from pushforward.data.load import load_data

    images = images_of((data,), size, channels, skip_unreadable)[data]
    dataset = load_data(data, drop=drop or [], as_category=as_category or [], label=label, **images)
    say_notes(dataset)
    return dataset


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _conclude(result: Comparison) -> None:
    """The table of a comparison or a study, what it says, and where its report is."""
    from pushforward.report.html import write_report
    from pushforward.study.compare import advise, explain, table

    typer.echo(table(result.standings))
    advice = advise(result)
    if advice:
        typer.echo(f"\n{advice}")
    typer.echo(f"\n{explain(result)}")
    typer.echo(f"report: {write_report(result.folder)}")
    if result.interrupted:
        raise KeyboardInterrupt
    failed = all(s.distance is None for s in result.standings if s.kind == "method")
    if failed:
        raise typer.Exit(FAILED)


@contextmanager
def _meter() -> Iterator[Any]:
    """A bar over the fits with an estimate, on a terminal; nothing anywhere else."""
    if not on_terminal():
        yield None
        return
    with counting_bar() as bar:
        task = bar.add_task("fitting", total=None)

        def watch(row: dict[str, Any], finished: int, total: int) -> None:
            what = "trial" if row["kind"] == "search" else "repeat"
            done = f"{row['method']}, {what} {row['repeat'] + 1}: {row['status']}"
            bar.console.print(f"{done}, {row['seconds']:.1f} s", highlight=False)
            bar.update(task, completed=finished, total=total)

        yield watch


def _say_warning(message: Any, category: Any, *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):
        typer.echo(f"warning: {message}", err=True)


# Not add_typer: older versions of typer ask for a name of the group.
app.registered_commands += cli_report.commands.registered_commands
app.registered_commands += cli_trust.commands.registered_commands
app.registered_commands.sort(key=lambda each: ORDER.index(getattr(each.callback, "__name__", "")))


def main(arguments: list[str] | None = None) -> None:
    """Run a command: 0 for success, 1 where its work failed, 2 for wrong usage or input.

    Ctrl-C ends it with 130, a polite kill (SIGTERM) with 143.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    # Where the word stands does not matter to the user, so it may follow the command too.
    arguments = [a for a in arguments if a != "--debug"]
    warnings.showwarning = _say_warning
    if "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("RANK", "0") != "0":
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  of torchrun's processes the first speaks
    code: Any = 0
    try:
        with interrupting():
            code = app(args=arguments, prog_name="pushforward", standalone_mode=False)
    except UsageError as error:
        where = error.ctx.command_path if error.ctx else "pushforward"
        typer.echo(f"error: {error.format_message()}\ntry '{where} --help'", err=True)
        code = MISUSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (PushforwardError, OSError, ValueError, MemoryError) as error:
        if debug:
            traceback.print_exc()
        typer.echo(f"error: {error}", err=True)
        code = FAILED if isinstance(error, (Diverged, MemoryError)) else MISUSED
    except Exception as error:
        # A mistake of ours, or input that nobody thought of: still one line, and where to look.
        if debug:
            traceback.print_exc()
        what = f"{type(error).__name__}: {error}"[:300]
        typer.echo(f"error: {what}\nthis was not expected; --debug shows where it arose", err=True)
        code = FAILED
    if code == INTERRUPTED:
        typer.echo("interrupted; the same command goes on with what was saved", err=True)
        code = exit_code()
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
