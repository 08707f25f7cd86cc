"""A picture of all methods, by how they represent the distribution that they draw from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from pushforward.errors import InputError
from pushforward.methods import Method
from pushforward.report.style import GENERATED, INK, MUTED, REAL_PALE, bare, new_figure, png, styled
from pushforward.storage import write_atomically

# From a formula to nothing but samples; what is not listed follows in the order it comes.
ORDER = (
    "inverse CDF",
    "density",
    "samples, parametric",
    "samples, non-parametric",
    "samples, latent",
    "samples, adversarial",
    "samples, labelled",
    "samples, in k clusters",
    "samples, two unpaired",
    "samples, two with one encoder",
    "samples, upscaled",
)
WIDTH = 10.0  # inches
LABEL = 2.1  # inches at the left, for the names of the lanes
CHIP = (1.84, 0.62)  # inches
GAP = 0.12
HEAD = 0.75  # inches above the lanes
PALE = ("#dbe9f6", "#fbe5d3", "#e0f0dc", "#efe3f5", "#fdf3cf", "#e7eaee")


@styled
def landscape(methods: Iterable[Method]) -> Figure:
    """Methods as chips, a lane for each way of representing a distribution.

    Filled chips are compared by default; the small print says what a method gives beside samples,
    and the paper it comes from.

    >>> from pushforward.methods import METHODS
    >>> landscape(METHODS.values()).axes[0].get_xlim()[1]
    np.float64(10.0)
    """
    lanes = _lanes(methods)
    per_row = int((WIDTH - LABEL) / (CHIP[0] + GAP))
    rows = [math.ceil(len(lane) / per_row) for lane in lanes.values()]
    heights = [n * (CHIP[1] + GAP) + 2 * GAP for n in rows]
    figure = new_figure(WIDTH, HEAD + sum(heights))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    bare(axes)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(HEAD + sum(heights), 0)
    axes.text(
        GAP,
        0.3,
        "How each method represents the distribution",
        fontsize=14,
        weight="bold",
        va="center",
    )
    axes.text(
        GAP,
        0.56,
        "filled: compared by default · outlined: on request",
        fontsize=9,
        color=MUTED,
        va="center",
    )
    top = HEAD
    for i, ((represented, lane), height) in enumerate(zip(lanes.items(), heights, strict=True)):
        axes.axhline(top, color=REAL_PALE, lw=0.8)
        _label(axes, represented, top + height / 2)
        for j, method in enumerate(lane):
            left = LABEL + (j % per_row) * (CHIP[0] + GAP)
            _chip(
                axes,
                method,
                left,
                top + 1.5 * GAP + j // per_row * (CHIP[1] + GAP),
                PALE[i % len(PALE)],
            )
        top += height
    return figure


def write_landscape(path: Path, methods: Iterable[Method]) -> Path:
    """Write the landscape of methods into a .png file, and return its path.

    Raises:
        InputError: the file's name does not end in .png.
        FileError: nothing can be written there.

    >>> write_landscape(Path("methods.jpg"), [])
    Traceback (most recent call last):
    pushforward.errors.InputError: methods.jpg: expected a name ending in .png
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: expected a name ending in .png")
    write_atomically(path, png(landscape(methods)))
    return path


def _lanes(methods: Iterable[Method]) -> dict[str, list[Method]]:
    found: dict[str, list[Method]] = {}
    for method in methods:
        found.setdefault(method.represented_by, []).append(method)
    known = [name for name in ORDER if name in found]
    return {name: found[name] for name in [*known, *(n for n in found if n not in ORDER)]}


def _label(axes: Axes, represented: str, middle: float) -> None:
    """“samples, latent” as latent, from samples."""
    first, _, rest = represented.partition(", ")
    if not rest:
        axes.text(GAP, middle, first, fontsize=11, weight="bold", va="center")
        return
    axes.text(GAP, middle - 0.1, rest, fontsize=11, weight="bold", va="center")
    axes.text(GAP, middle + 0.12, f"from {first}", fontsize=9, color=MUTED, va="center")


def _chip(axes: Axes, method: Method, left: float, top: float, colour: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, top),
            *CHIP,
            boxstyle="round,pad=0,rounding_size=0.08",
            fc=colour if method.default else "white",
            ec=GENERATED if method.default else MUTED,
            lw=0.9,
            ls="-" if method.default else (0, (3, 2)),
        )
    )
    gives = f" + {method.gives}" if method.gives else ""
    lines = (
        (0.17, method.name, 10 if len(method.name) < 18 else 8.5, INK, "bold"),
        (0.35, _fitted(f"samples{gives}", 30), 7.5, INK, "normal"),
        (0.5, _fitted(method.paper.split(";")[0].split(", arXiv")[0], 32), 7, MUTED, "normal"),
    )
    for down, text, size, ink, weight in lines:
        axes.text(
            left + 0.09, top + down, text, fontsize=size, color=ink, weight=weight, va="center"
        )


def _fitted(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip(" ,") + "…"
