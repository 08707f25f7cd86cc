"""A folder of pictures becomes a data set of images, all of one size and kind."""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pushforward.data.dataset import Dataset
from pushforward.data.readers import listed
from pushforward.errors import FileError, InputError
from pushforward.progress import shown

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
FORMATS = ("PNG", "JPEG", "WEBP")  # what a file may hold, whatever its name says
CHANNELS = {"grey": 1, "colour": 3, "colour+alpha": 4}
KINDS = {number: name for name, number in CHANNELS.items()}
TURNED = 274  # the EXIF tag of the orientation; from 5 on, width and height are exchanged
GREY = ("1", "L", "LA", "La", "I", "F")  # modes of Pillow without colour, and "I;16", "I;16B", …
SHOWN = 5  # files that a message names
LARGEST_UNASKED = 2**30  # bytes that images of a size that nobody asked for may take
# What Pillow raises for files that are no pictures, or not whole.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)

Size: TypeAlias = tuple[int, int]  # height and width
Found = TypeVar("Found")


@dataclass(frozen=True)
class _Unreadable:
    """A file that is no whole picture, and why."""

    file: Path
    why: str


@dataclass(frozen=True)
class _Picture:
    """Pixels (h, w, c); `alpha` says that the file had transparency, be it left out as unused."""

    pixels: NDArray[np.uint8]
    alpha: bool


def read_images(
    folder: Path,
    *,
    size: int | Size | None = None,
    channels: str | None = None,
    skip_unreadable: bool = False,
) -> Dataset:
    """The PNG, JPEG and WebP pictures in a folder, as rows (n, h·w·c) of whole numbers 0 to 255.

    Rows are in the order of the files' names. Pictures in sub-folders have the name of theirs as
    label y. Each is turned as its EXIF orientation says; an alpha channel is kept only if some
    picture is not opaque.

    Args:
        folder: where the pictures are; hidden files, and files with other suffixes, are left out.
        size: height and width, or one number for both. Pictures of another size are scaled
            (Lanczos, which averages where it makes smaller) until they cover it, and their
            middle is cut out. None takes their own size where all are alike, or else squares of
            the smallest side.
        channels: "grey", "colour" or "colour+alpha", to which all are converted, what is
            transparent as on white paper; None takes what they have, which must be the same.
        skip_unreadable: leave out what cannot be read, rather than fail.

    Raises:
        FileError: no pictures, or some that cannot be read.
        InputError: options of another kind, pictures with labels and without, or of mixed channels.
    """
    wanted = whole_size(size)
    if channels is not None and channels not in CHANNELS:
        raise InputError(f"expected channels among {', '.join(CHANNELS)}, got {channels!r}")
    files, notes = image_files(folder)
    unreadable: list[_Unreadable] = []
    with warnings.catch_warnings():
        # Here and not in the threads, which share their filters.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        if wanted is None:
            found = _each(_size_of, files, "looking at images")
            files, unreadable = _sorted_out(files, found, unreadable)
            if not files:
                raise _some_unreadable(folder, files, unreadable)
            sizes = [s for s in found if not isinstance(s, _Unreadable)]
            wanted, more = _common_size(folder, sizes)
            notes += more
        at = wanted
        read = _each(lambda file: _read(file, at, channels), files, "reading images")
    files, unreadable = _sorted_out(files, read, unreadable)
    if not files or (unreadable and not skip_unreadable):
        raise _some_unreadable(folder, files, unreadable)
    if unreadable:
        notes += (f"{_named(unreadable)} cannot be read, and were left out",)
    images = _stacked(folder, [p for p in read if isinstance(p, _Picture)])
    apart = [file.parent != folder for file in files]
    return Dataset(
        name=folder.name or folder.resolve().name,
        X=images.reshape(len(images), -1),
        y=np.array([file.parent.name for file in files]) if all(apart) else None,
        image_shape=images.shape[1:3] if images.shape[3] == 1 else images.shape[1:],
        notes=notes,
    )


def whole_size(size: int | Size | None) -> Size | None:
    """Height and width, from these or from one number for both; None stays None."""
    if size is None:
        return None
    sides = (size, size) if isinstance(size, (int, np.integer)) else size
    whole = isinstance(sides, Sequence) and all(
        isinstance(side, (int, np.integer)) and not isinstance(side, bool) and side > 0
        for side in sides
    )
    if isinstance(size, bool) or not whole or len(sides) != 2:
        raise InputError(
            f"expected size as a number of pixels, or as (height, width), got {size!r}"
        )
    return int(sides[0]), int(sides[1])


def image_files(folder: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The pictures in a folder or in its sub-folders, and notes of what else is there."""
    inside = _visible(folder)
    folders = [path for path in inside if path.is_dir()]
    below = [path for sub in folders for path in _visible(sub)]
    direct, apart = ([p for p in ps if _is_picture(p)] for ps in (inside, below))
    deeper = [path for path in below if path.is_dir() and any(map(_is_picture, _visible(path)))]
    if deeper:
        raise InputError(
            f"{folder}: images lie two folders deep, in {_relative(deeper[:1], folder)}. Name the "
            f"folder whose sub-folders are the labels, e.g. {deeper[0].parent}."
        )
    if direct and apart:
        raise InputError(
            f"{folder}: has images in the folder itself ({len(direct)}), which have no label, and "
            f"in sub-folders ({len(apart)}), which have theirs. Move the former into a sub-folder, "
            "or name the folder of one kind."
        )
    others = [p for p in [*inside, *below] if p.is_file() and not _is_picture(p)]
    notes: tuple[str, ...] = ()
    if others:
        some = f"{len(others)} files" if len(others) > 1 else "1 file"
        notes = (
            f"{some} without a suffix of PNG, JPEG or WebP left out: {_relative(others, folder)}",
        )
    if not direct and not apart:
        raise FileError(
            f"{folder}: there are no images, files ending in {', '.join(SUFFIXES)}, in the folder "
            f"or its sub-folders{f'; it has {_relative(others, folder)}' if others else ''}."
        )
    return direct or apart, notes


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _relative(files: Sequence[Path], folder: Path) -> str:
    return listed([str(file.relative_to(folder)) for file in files], SHOWN)


def _each(
    do: Callable[[Path], Found], files: Sequence[Path], label: str
) -> list[Found | _Unreadable]:
    """What is found in each file, several at a time: decoding leaves Python's lock to others."""

    def attempt(file: Path) -> Found | _Unreadable:
        try:
            return do(file)
        except UNREADABLE as error:
            return _Unreadable(file, _in_words(error))

    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        tasks = [pool.submit(attempt, file) for file in files]
        return [task.result() for task in shown(tasks, label)]
    finally:
        pool.shutdown(cancel_futures=True)


def _in_words(error: Exception) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "no PNG, JPEG or WebP"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return f"more than {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels; make it smaller"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # e.g. no permission
    return "damaged or not complete"


def _sorted_out(
    files: Sequence[Path], found: Sequence[object], unreadable: Sequence[_Unreadable]
) -> tuple[list[Path], list[_Unreadable]]:
    """The files that could be read, and those that could not."""
    fine = [f for f, what in zip(files, found, strict=True) if not isinstance(what, _Unreadable)]
    return fine, [*unreadable, *(what for what in found if isinstance(what, _Unreadable))]


def _some_unreadable(
    folder: Path, files: Sequence[Path], unreadable: Sequence[_Unreadable]
) -> FileError:
    n = len(files) + len(unreadable)
    what_to_do = (
        "Replace or remove them, or leave them out with skip_unreadable (--skip-unreadable)."
        if files
        else "Are they complete?"
    )
    return FileError(
        f"{folder}: {len(unreadable)} of {n} images cannot be read: {_named(unreadable)}. "
        f"{what_to_do}"
    )


def _named(unreadable: Sequence[_Unreadable]) -> str:
    """The first few, each with its reason."""
    some = ", ".join(f"{bad.file.name!r} ({bad.why})" for bad in unreadable[:SHOWN])
    more = len(unreadable) - SHOWN
    return f"{some} and {more} more" if more > 0 else some


def _size_of(file: Path) -> Size:
    """Height and width as the picture is seen, from the first bytes of its file."""
    with Image.open(file, formats=FORMATS) as image:
        # A PNG without EXIF in front would be decoded to look for it.
        known = image.format != "PNG" or "exif" in image.info
        turned = known and image.getexif().get(TURNED, 1) >= 5
        return image.size if turned else (image.height, image.width)


def _common_size(folder: Path, sizes: Sequence[Size]) -> tuple[Size, tuple[str, ...]]:
    """The size of all, or the smallest side of any; and a note where they differ."""
    smallest = min(map(min, sizes))
    alike = len(set(sizes)) == 1
    h, w = sizes[0] if alike else (smallest, smallest)
    if 3 * h * w * len(sizes) > LARGEST_UNASKED:
        raise InputError(
            f"{folder}: {len(sizes)} images of {h}×{w} pixels are more than can well be learnt "
            "from. Say how large they are to be: size=64 (--size 64)."
        )
    if alike:
        return (h, w), ()
    low, high = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    note = (
        f"images of {len(set(sizes))} sizes, {low[0]}×{low[1]} to {high[0]}×{high[1]} (height × "
        f"width), were scaled and cropped to {h}×{w}; size (--size) chooses another"
    )
    return (h, w), (note,)


def sizes_of(folder: Path, files: Sequence[Path]) -> list[Size]:
    """Height and width of each picture.

    Raises:
        FileError: some cannot be read.
    """
    found = _each(_size_of, files, "looking at images")
    unreadable = [what for what in found if isinstance(what, _Unreadable)]
    if unreadable:
        raise FileError(
            f"{folder}: {len(unreadable)} of {len(files)} images cannot be read: "
            f"{_named(unreadable)}. Replace or remove them."
        )
    return [what for what in found if not isinstance(what, _Unreadable)]


def read_picture(file: Path, size: Size, channels: str | None) -> NDArray[np.uint8]:
    """The pixels (h, w, c) of one picture, scaled and cropped to a size."""
    return _read(file, size, channels).pixels


def _read(file: Path, size: Size, channels: str | None) -> _Picture:
    """One picture, of this size and, where they are named, of these channels."""
    h, w = size
    with Image.open(file, formats=FORMATS) as opened:
        # A JPEG can be decoded at a half, a quarter or an eighth; twice the size is left to scale.
        opened.draft(None, (2 * max(size), 2 * max(size)))
        image, alpha = _plain(ImageOps.exif_transpose(opened))
    if channels is not None:
        image = _converted(image, channels)
    if image.size != (w, h):
        image = ImageOps.fit(image, (w, h), method=Image.Resampling.LANCZOS)
    return _Picture(np.asarray(image).reshape(h, w, -1), alpha)


def _plain(image: Image.Image) -> tuple[Image.Image, bool]:
    """A picture as grey, colour or colour with alpha; and whether it came with transparency."""
    grey = image.mode in GREY or image.mode.startswith("I;")
    if image.mode.startswith("I"):  # sixteen bits; Pillow would cut off what is above 255
        levels = np.rint(np.asarray(image, dtype=float) / 257)
        return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)), False
    alpha = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    if alpha:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            return image, True
    return image.convert("L" if grey else "RGB"), alpha


def _converted(image: Image.Image, channels: str) -> Image.Image:
    if channels == "colour+alpha":
        return image.convert("RGBA")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == "grey" else "RGB")


def _stacked(folder: Path, pictures: Sequence[_Picture]) -> NDArray[np.uint8]:
    """Images (n, h, w, c), if their channels are the same."""
    most = max(picture.pixels.shape[2] for picture in pictures)
    images = [
        _with_alpha(p.pixels) if most == 4 and p.alpha else p.pixels for p in pictures
    ]  # opaque ones among others that are not
    counts = Counter(KINDS[pixels.shape[2]] for pixels in images)
    if len(counts) > 1:
        each = ", ".join(f"{counts[kind]} {kind}" for kind in CHANNELS if kind in counts)
        advice = "grey" if max(counts, key=lambda kind: counts[kind]) == "grey" else "colour"
        raise InputError(
            f"{folder}: expected images of the same channels, got {each}. Convert them all, e.g. "
            f'channels="{advice}" (--channels {advice}); known are {", ".join(CHANNELS)}.'
        )
    return np.stack(images)


def _with_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same pixels (h, w, 1, 3 or 4) as colour with alpha, opaque where there was none."""
    if pixels.shape[2] == 4:
        return pixels
    colour = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return np.concatenate([colour, np.full_like(colour[..., :1], 255)], axis=2)
