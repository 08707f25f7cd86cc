"""Files of generated samples, each of which says that it was generated, and how."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pushforward.data.dataset import Table, number_columns
from pushforward.data.folders import write_pictures
from pushforward.errors import FileError, InputError
from pushforward.storage import replacing
from pushforward.untrusted import parse_json, shortly

KEY = "pushforward"  # of the Parquet schema metadata and of the PNG text chunk
JSON_BESIDE = (".csv", ".npy")  # kinds of file that have no room for provenance
SUFFIXES = (".csv", ".parquet", ".npy", ".npz", ".png")
FOLDER = "/"  # the kind of a path that is no file
GAP = 1  # pixels between the images of a grid


def write_samples(
    path: str | os.PathLike[str],
    X: Table,
    provenance: Mapping[str, Any],
    *,
    labels: pd.DataFrame | None = None,
    image_shape: tuple[int, ...] | None = None,
    value_range: tuple[float, float] | None = None,
) -> list[Path]:
    """Write samples X (n, p) with their provenance, and return the files written.

    The suffix picks the kind: .csv and .npy (provenance in a JSON file beside, name + ".json"),
    .parquet (schema metadata), .npz (fields X, provenance, and columns for a frame), .png (one
    image, or a grid of them; provenance in a text chunk). A path without suffix, or that ends in /,
    is a new folder in which each image is a .png. The provenance always gains `"generated": true`.
    `labels` by which they were drawn are columns beside theirs, field y of an .npz, sub-folders of
    a folder, and left out of .npy and .png. `image_shape` is (h, w) or (h, w, c); a .png also needs
    `value_range`, the values that become black and white (uint8 images have 0 and 255).

    Each file replaces an older one only when it is complete, and a folder is there only when it is
    complete; a missing folder is created. Raises `InputError` for samples that the kind cannot hold
    and `FileError` where nothing can be written, or a folder is not empty.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "samples.npz"
        >>> _ = write_samples(file, np.zeros((3, 2)), {"method": "kde", "seed": 0})
        >>> read_provenance(file)
        {'method': 'kde', 'seed': 0, 'generated': True}
    """
    kind = _kind(path)
    path = Path(path).expanduser()
    if len(X) == 0:
        raise InputError(f"{path}: there are no samples to write; ask for at least one.")
    text = as_text(provenance)
    if kind == FOLDER:
        pixels = _pixels(_images(X, image_shape), value_range)
        write_pictures(
            path, len(pixels), lambda file, i: _write_png(file, pixels[i : i + 1], text), labels
        )
        return [path]
    written = [path]
    with ExitStack() as stack:
        file = stack.enter_context(replacing(path))
        match kind:
            case ".csv":
                _frame(X, labels).to_csv(file, index=False, mode="wb")
            case ".parquet":
                _write_parquet(file, _frame(X, labels), text)
            case ".npy":
                np.save(file, _array(X, image_shape), allow_pickle=False)
            case ".npz":
                _write_npz(file, X, labels, image_shape, text)
            case ".png":
                _write_png(file, _pixels(_images(X, image_shape), value_range), text)
        if kind in JSON_BESIDE:
            # Left last, replaced first: samples never lie there without their provenance.
            stack.enter_context(replacing(_beside(path))).write(text.encode())
            written.append(_beside(path))
    return written


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The provenance in, or beside, a file of samples; None if the file carries none.

    That of a folder of images is in the first of them. Raises `FileError` for a missing or damaged
    file and `InputError` for an unknown suffix.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "real.npz"
        >>> np.savez(file, X=np.zeros((3, 2)))
        >>> read_provenance(file) is None
        True
    """
    kind = _kind(path)
    path = Path(path).expanduser()
    if kind == FOLDER:
        path, kind = next(iter(sorted(path.rglob("*.png"))), path), ".png"
    if not path.is_file():
        raise FileError(f"{path}: no such file, nor a folder with a .png in it.")
    try:
        text = _provenance_text(path, kind)
        return None if text is None else _mapping(parse_json(text))
    except Exception as error:  # a damaged file makes those who read it raise anything
        raise FileError(
            f"{path}: its provenance cannot be read ({shortly(error)}). Is the file complete?"
        ) from error


def as_text(provenance: Mapping[str, Any]) -> str:
    """Provenance as the JSON that a file holds; it always says `"generated": true`.

    >>> as_text({"method": "vae"})
    '{\\n "method": "vae",\\n "generated": true\\n}'
    """
    return json.dumps({**provenance, "generated": True}, default=_plain, indent=1)


def _mapping(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"expected an object of JSON, found {type(found).__name__}")
    return found


def _kind(path: str | os.PathLike[str]) -> str:
    kind = Path(path).suffix.lower()
    if not kind or os.fspath(path).endswith(("/", os.sep)):
        return FOLDER
    if kind not in SUFFIXES:
        raise InputError(
            f"{path}: expected a name ending in {', '.join(SUFFIXES)}, or in / for a folder."
        )
    return kind


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _plain(value: Any) -> Any:
    """What JSON can hold: NumPy values as numbers and lists, the rest (dates, paths) as text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _provenance_text(path: Path, kind: str) -> str | None:
    match kind:
        case ".parquet":
            found = (pq.read_schema(path).metadata or {}).get(KEY.encode())
            return None if found is None else found.decode()
        case ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return str(archive["provenance"]) if "provenance" in archive else None
        case ".png":
            with Image.open(path, formats=["PNG"]) as image:
                return image.info.get(KEY)
        case _:
            return _beside(path).read_text("utf-8") if _beside(path).is_file() else None


def _frame(X: Table, labels: pd.DataFrame | None) -> pd.DataFrame:
    frame = X if isinstance(X, pd.DataFrame) else number_columns(X)
    if labels is None:
        return frame
    taken = {name: f"{name}_given" for name in labels if name in frame}
    return pd.concat([frame, labels.rename(columns=taken)], axis=1)


def _array(X: Table, image_shape: tuple[int, ...] | None) -> NDArray:
    """X as one numeric array; images in their shape, so that they are read back as images."""
    if isinstance(X, pd.DataFrame):
        X = _matrix(X)
    if image_shape is None:
        return X
    if math.prod(X.shape[1:]) != math.prod(image_shape):
        raise InputError(
            f"samples of {math.prod(X.shape[1:])} values do not fit image_shape {image_shape}, "
            f"which has {math.prod(image_shape)}."
        )
    return X.reshape(len(X), *image_shape)


def _matrix(frame: pd.DataFrame) -> NDArray:
    other = [name for name, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if other:
        raise InputError(
            f"an array holds numbers only, but {other[0]!r} has dtype {frame[other[0]].dtype} "
            f"({len(other)} such of {frame.shape[1]} columns). Write .csv or .parquet instead."
        )
    # Nullable columns may hold missing values, which only a float can.
    kinds = [kind if isinstance(kind, np.dtype) else np.dtype(float) for kind in frame.dtypes]
    common = np.result_type(*kinds)
    missing = np.nan if common.kind == "f" else 0  # only floats are ever missing
    return np.column_stack(
        [values.to_numpy(common, na_value=missing) for _, values in frame.items()]
    )


def _write_parquet(file: BinaryIO, frame: pd.DataFrame, text: str) -> None:
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"Parquet cannot hold this table ({error}). Write .csv instead."
        ) from error
    metadata = {**(table.schema.metadata or {}), KEY.encode(): text.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), file)


def _write_npz(
    file: BinaryIO,
    X: Table,
    labels: pd.DataFrame | None,
    image_shape: tuple[int, ...] | None,
    text: str,
) -> None:
    fields: dict[str, Any] = {"X": _array(X, image_shape), "provenance": np.array(text)}
    if isinstance(X, pd.DataFrame):
        fields["columns"] = np.array([str(name) for name in X])
    if labels is not None:
        y = np.squeeze(labels.to_numpy(), axis=1) if labels.shape[1] == 1 else labels.to_numpy()
        fields["y"] = y.astype(str) if y.dtype == object else y  # an object would be a pickle
    np.savez(file, **fields)


def _images(X: Table, image_shape: tuple[int, ...] | None) -> NDArray:
    """Samples as images (n, h, w, c)."""
    if isinstance(X, pd.DataFrame) and image_shape is None:
        raise InputError(
            "a .png, or a folder (a name without an ending), holds images, and these samples are a "
            "table. End the name in .csv or .parquet."
        )
    images = _array(X, image_shape)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3, 4):
        raise InputError(
            "a .png, or a folder of them, needs images (h, w) or (h, w, c) with c = 1, 3 or 4; the "
            f"samples have shape {images.shape[1:]}. Give image_shape=(h, w), or write .csv, "
            ".parquet or .npy."
        )
    return images


def _pixels(images: NDArray, value_range: tuple[float, float] | None) -> NDArray[np.uint8]:
    """Values as pixels 0 to 255; those outside the range are clipped."""
    if value_range is None:
        if images.dtype == np.uint8:
            return images
        raise InputError(
            "a .png needs value_range=(low, high), the values that become black and white."
        )
    low, high = value_range
    if not low < high:
        raise InputError(f"value_range must be (low, high) with low < high, got {value_range}.")
    if not np.isfinite(images).all():
        raise InputError("a .png needs finite values; the samples hold NaN or infinity.")
    unit = (images.astype(np.float64) - low) / (high - low)
    return np.rint(255 * np.clip(unit, 0, 1)).astype(np.uint8)


def _write_png(file: BinaryIO, pixels: NDArray[np.uint8], text: str) -> None:
    information = PngInfo()
    information.add_text(KEY, text)
    picture = pixels[0] if len(pixels) == 1 else _grid(pixels)
    if picture.shape[2] == 1:
        picture = picture[:, :, 0]
    Image.fromarray(picture).save(file, format="PNG", pnginfo=information)


def _grid(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (n, h, w, c) row by row in a near-square grid, with white lines between them."""
    n, h, w, c = pixels.shape
    n_columns = math.ceil(math.sqrt(n))
    n_rows = math.ceil(n / n_columns)
    canvas = np.full((n_rows * (h + GAP) - GAP, n_columns * (w + GAP) - GAP, c), 255, np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // n_columns * (h + GAP), i % n_columns * (w + GAP)
        canvas[top : top + h, left : left + w] = image
    return canvas
