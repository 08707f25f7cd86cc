"""Letters and digits drawn from fonts, every factor of which is known."""

from __future__ import annotations

import hashlib
import json
import os
import string
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import matplotlib
import numpy as np
import pandas as pd
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pushforward.data.dataset import Dataset
from pushforward.errors import InputError
from pushforward.progress import counting_bar, on_terminal
from pushforward.storage import replacing

FAMILIES = ("sans", "mono", "serif")
BOTH = (False, True)
FILES = {"sans": "DejaVuSans", "mono": "DejaVuSansMono", "serif": "DejaVuSerif"}
SMALLEST, LARGEST = 8, 128  # pixels
FINER = 4  # times as many pixels in each direction are drawn, and averaged
HEIGHT = 0.72  # of a capital letter, as a share of the image, at scale 1
CHUNK = 2000  # images that a process draws at once
WORTHWHILE = 10  # parts; fewer are drawn before other processes have started
CACHED_FROM = 2_000_000  # pixels in all; fewer are drawn faster than they are looked up
VERSION = 1  # one more when the same arguments give other pixels


@dataclass(frozen=True)
class Glyphs:
    """What glyphs are drawn: characters and fonts with equal chance, other factors uniformly.

    Raises:
        InputError: what cannot be drawn; the message says what can.
    """

    size: int = 12  # pixels, square
    characters: str = string.digits
    families: tuple[str, ...] = FAMILIES
    bold: tuple[bool, ...] = (False, True)
    slanted: tuple[bool, ...] = (False, True)
    # Ranges, or numbers that fix them.
    rotation: tuple[float, float] | float = (-10.0, 10.0)  # degrees, counter-clockwise
    scale: tuple[float, float] | float = (0.9, 1.1)
    shift: tuple[float, float] | float = (-0.06, 0.06)  # of the image, right and down
    channels: int = 1  # grey, or 3 for coloured ink on coloured paper

    def __post_init__(self) -> None:
        if not isinstance(self.size, (int, np.integer)) or not SMALLEST <= self.size <= LARGEST:
            raise InputError(
                f"expected a size from {SMALLEST} to {LARGEST} pixels, got {self.size!r}"
            )
        if self.channels not in (1, 3):
            raise InputError(f"expected 1 channel (grey) or 3 (colour), got {self.channels!r}")
        if not isinstance(self.characters, str):
            raise InputError(f"expected characters as one text, got {self.characters!r}")
        strange = [c for c in self.characters if c not in string.ascii_letters + string.digits]
        if strange or not self.characters:
            raise InputError(f"expected characters among a–z, A–Z and 0–9, got {self.characters!r}")
        for name, known in (("families", FAMILIES), ("bold", BOTH), ("slanted", BOTH)):
            values = getattr(self, name)
            if isinstance(values, str) or not values or not set(values) <= set(known):
                raise InputError(f"expected {name} among {known}, got {values!r}")
        for name in ("rotation", "scale", "shift"):
            value = getattr(self, name)
            limits = np.broadcast_to(value, 2) if np.size(value) in (1, 2) else np.full(2, np.nan)
            low, high = limits
            if not (np.isfinite(limits).all() and low <= high) or (name == "scale" and low <= 0):
                raise InputError(
                    f"expected {name} to be a number or a range (low, high), got {value!r}"
                )
            object.__setattr__(self, name, (float(low), float(high)))

    def factors(self, n: int, seed: int) -> pd.DataFrame:
        """The factors of n glyphs; those of fewer glyphs are the first of them."""
        u = np.random.default_rng(seed).random((n, 15))

        def one_of(j: int, values: Sequence[Any]) -> NDArray:
            return np.array(values)[(u[:, j] * len(values)).astype(int)]

        def between(j: int, limits: Any) -> NDArray:
            return limits[0] + u[:, j] * (limits[1] - limits[0])

        frame = pd.DataFrame(
            {
                "character": one_of(0, list(self.characters)),
                "family": one_of(1, self.families),
                "bold": one_of(2, self.bold),
                "slanted": one_of(3, self.slanted),
                "rotation": between(4, self.rotation),
                "scale": between(5, self.scale),
                "right": between(6, self.shift),
                "down": between(7, self.shift),
            }
        )
        if self.channels == 3:
            # Dark paper under light ink or the reverse, so that every glyph can be read.
            light, dark = 0.6 + 0.4 * u[:, 8:11], 0.35 * u[:, 11:14]
            reverse = u[:, 14:] < 0.5
            ink, paper = np.where(reverse, dark, light), np.where(reverse, light, dark)
            for name, colour in (("ink", ink), ("paper", paper)):
                frame[[f"{name}_{c}" for c in "rgb"]] = colour
        return frame

    def draw(self, factors: pd.DataFrame) -> NDArray[np.float64]:
        """The images of these factors, `(n, size·size·channels)`, ink 1 on 0 where grey."""
        rows = factors.to_dict("records")
        return np.stack([self._image(row).ravel() for row in rows])

    def _image(self, row: dict[str, Any]) -> NDArray[np.float64]:
        side = FINER * self.size
        master = _upright(row["character"], row["family"], row["bold"], row["slanted"], side)
        # From a point of the image back to one of the upright glyph, y downwards.
        angle, s = np.radians(row["rotation"]), row["scale"]
        cos, sin = np.cos(angle) / s, np.sin(angle) / s
        x, y = side * (0.5 + row["right"]), side * (0.5 + row["down"])
        middle = master.width / 2
        back = (cos, -sin, middle - cos * x + sin * y, sin, cos, middle - sin * x - cos * y)
        picture = master.transform(
            (side, side), Image.Transform.AFFINE, back, resample=Image.Resampling.BICUBIC
        )
        covered = np.asarray(picture.reduce(FINER), dtype=float)[..., None] / 255
        if self.channels == 1:
            return covered
        ink, paper = (np.array([row[f"{n}_{c}"] for c in "rgb"]) for n in ("ink", "paper"))
        return covered * ink + (1 - covered) * paper


@cache
def _upright(character: str, family: str, bold: bool, slanted: bool, side: int) -> Image.Image:
    """A glyph in the middle of a square twice as large, neither turned, scaled nor shifted."""
    style = "Bold" * bold + ("Italic" if family == "serif" else "Oblique") * slanted
    name = f"{FILES[family]}-{style}".removesuffix("-") + ".ttf"
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    # A capital of these fonts is .73 of the font's size high.
    font = ImageFont.truetype(str(file), round(HEIGHT * side / 0.73))
    picture = Image.new("L", (2 * side, 2 * side))
    left, top, right, bottom = font.getbbox(character)
    at = ((2 * side - left - right) / 2, (2 * side - top - bottom) / 2)
    ImageDraw.Draw(picture).text(at, character, fill=255, font=font)
    return picture


def glyphs(
    n: int = 5000,
    size: int = 12,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: bool = True,
    **options: Any,
) -> Dataset:
    """Letters and digits, drawn from the fonts that matplotlib ships, with every factor known.

    `y` is the character, `factors` has a row for each image: character, family (sans, mono,
    serif), bold, slanted, rotation in degrees, scale, right and down as shares of the image, and
    the colours of ink and paper where there are three channels. The same arguments give the same
    images, whatever the number of processes; fewer images are the first of more.

    Many images are kept in a cache, `$PUSHFORWARD_CACHE` or else `pushforward` in
    `$XDG_CACHE_HOME` or `~/.cache`, and are read from there the next time.

    Args:
        n: how many images.
        size: pixels in each direction, 8 to 128.
        seed: of the factors.
        jobs: processes that draw side by side; None takes one per core where there is much to draw.
        progress: show a bar where there is a terminal.
        options: of `Glyphs`: characters, families, bold, slanted, rotation, scale, shift, channels.

    Raises:
        InputError: what cannot be drawn.

    >>> dataset = glyphs(3, size=16, characters="ab", seed=0)
    >>> dataset.X.shape, list(dataset.factors.columns)[:4]
    ((3, 256), ['character', 'family', 'bold', 'slanted'])
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"expected a whole number of glyphs above 0, got {n!r}")
    try:
        what = Glyphs(size=size, **options)
    except TypeError as error:
        names = ", ".join(asdict(Glyphs()))
        raise InputError(f"glyphs take the options {names}: {error}") from error
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"expected seed to be a whole number, 0 or more, got {seed!r}")
    factors = what.factors(n, seed)
    pixels = n * size**2 * what.channels
    file = _cache_file(what, n, seed) if pixels >= CACHED_FROM else None
    X = _read(file)
    if X is None or X.shape != (n, size**2 * what.channels):
        X = np.concatenate(list(_drawn(what, factors, jobs, progress)))
        _keep(file, X)
    shape = (size, size) if what.channels == 1 else (size, size, 3)
    y = factors["character"].to_numpy(dtype=str)
    return Dataset(name="glyphs", X=X, y=y, image_shape=shape, factors=factors)


def _drawn(
    what: Glyphs, factors: pd.DataFrame, jobs: int | None, progress: bool
) -> Iterator[NDArray[np.float64]]:
    """The images, part by part."""
    parts = [factors.iloc[i : i + CHUNK] for i in range(0, len(factors), CHUNK)]
    cores = (os.cpu_count() or 1) if len(parts) >= WORTHWHILE else 1
    jobs = min(jobs or cores, len(parts))
    pool = joblib.Parallel(n_jobs=jobs, return_as="generator")
    drawn = pool(joblib.delayed(what.draw)(part) for part in parts)
    if not (progress and on_terminal()):
        yield from drawn
        return
    with counting_bar() as bar:
        yield from bar.track(drawn, total=len(parts), description="drawing glyphs")


def _cache_file(what: Glyphs, n: int, seed: int) -> Path:
    text = json.dumps([VERSION, asdict(what), n, seed, matplotlib.__version__, PIL.__version__])
    where = os.environ.get("PUSHFORWARD_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(where) if where else Path(home) / "pushforward"
    return folder / f"glyphs-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"


def _read(file: Path | None) -> NDArray[np.float64] | None:
    """What the cache holds; None where there is nothing, or what is there is damaged."""
    if file is None:
        return None
    try:
        with np.load(file, allow_pickle=False) as archive:
            return archive["X"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(file: Path | None, X: NDArray[np.float64]) -> None:
    """Put images into the cache; a cache that cannot be written costs time only."""
    if file is None:
        return
    try:
        with replacing(file) as whole:
            np.savez(whole, X=X)
    except OSError:  # FileError is one
        return
