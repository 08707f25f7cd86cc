"""One look for every figure: its palette, its sizes, and how it becomes a PNG."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pushforward import __version__
from pushforward.data.files import KEY, as_text

SHOWS = "it may show generated samples beside real ones"
DPI = 200  # twice the pixels of a screen with 100 to the inch
WIDE = 4.9  # inches: across a page, and still legible at the width of a phone
CARD = 3.4  # inches: one of several side by side

INK = "#1f2328"
MUTED = "#59636e"
REAL = "#9aa3ad"
REAL_PALE = "#d5dae0"
GENERATED = "#0b62a4"
GENERATED_PALE = "#a9cdea"
WARNING = "#b3470b"
# Told apart by dashes as well, for those who do not see colours and for grey printers.
LINES = (
    ("#0b62a4", "-"),
    ("#b3470b", "--"),
    ("#3d7a35", "-."),
    ("#7a3d8f", ":"),
    ("#59636e", (0, (5, 1, 1, 1, 1, 1))),
)

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": REAL,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "text.color": INK,
    "text.parse_math": False,  # a column may be called "$"
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw a figure in this style, whatever the user's own matplotlib settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """A figure of width × height inches that no window manager knows of."""
    return Figure(figsize=(width, height), dpi=DPI)


def bare(axes: Axes) -> None:
    """Axes without ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


@styled
def _draw(figure: Figure) -> Figure:
    with warnings.catch_warnings():
        # A name in a script that the font does not have; the page beside it has the name in full.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        FigureCanvasAgg(figure).draw()
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG of 256 colours, a third of the size of one in full colour.

    It says that it was made by pushforward, as generated samples may be in it.

    >>> png(new_figure(1, 1))[:4]
    b'\\x89PNG'
    """
    canvas = _draw(figure).canvas
    assert isinstance(canvas, FigureCanvasAgg)
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    file = io.BytesIO()
    said = PngInfo()
    said.add_text(KEY, as_text({"figure": SHOWS, "version": __version__}))
    picture.quantize(256, dither=Image.Dither.NONE).save(
        file, format="PNG", optimize=True, pnginfo=said
    )
    return file.getvalue()
