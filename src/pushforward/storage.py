"""Trees of plain values and arrays as safetensors + JSON: never a pickle, always written whole.

A tree is nested dictionaries and lists whose leaves are JSON values, NumPy arrays or torch tensors.
Arrays go to safetensors under their path in the tree; the rest is JSON.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as dump_arrays

from pushforward.errors import FileError

ARRAY = "$array"  # {"$array": name} in the JSON stands for the array of that name


def pack(tree: Any, path: str = "") -> tuple[Any, dict[str, np.ndarray]]:
    """Split a tree into JSON and named arrays.

    >>> pack({"h": 0.5, "X": np.zeros((2, 1))})
    ({'h': 0.5, 'X': {'$array': 'X'}}, {'X': array([[0.], [0.]])})
    """
    if hasattr(tree, "detach"):  # a torch tensor; storage itself needs no torch
        tree = tree.detach().cpu().numpy()
    if isinstance(tree, np.ndarray):
        name = path or "array"
        return {ARRAY: name}, {name: np.ascontiguousarray(tree).reshape(tree.shape)}
    if isinstance(tree, np.generic):
        return tree.item(), {}
    if not isinstance(tree, (dict, list, tuple)):
        return tree, {}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    packed = {key: pack(value, f"{path}.{key}" if path else str(key)) for key, value in items}
    arrays = {name: a for _, found in packed.values() for name, a in found.items()}
    if isinstance(tree, dict):
        return {str(key): value for key, (value, _) in packed.items()}, arrays
    return [value for value, _ in packed.values()], arrays


def unpack(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The tree that `pack` took apart.

    >>> unpack(*pack({"sizes": [1, 2], "X": np.ones(2)}))
    {'sizes': [1, 2], 'X': array([1., 1.])}
    """
    if isinstance(tree, dict):
        if set(tree) == {ARRAY}:
            return arrays[tree[ARRAY]]
        return {key: unpack(value, arrays) for key, value in tree.items()}
    if isinstance(tree, list):
        return [unpack(value, arrays) for value in tree]
    return tree


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` once it is complete, and not before.

    Missing folders are created. If the block fails, the older file stays as it was and nothing is
    left behind. Raises `FileError`, in words, where nothing can be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "notes.txt"
        >>> with replacing(path) as file:
        ...     _ = file.write(b"all of it")
        >>> path.read_text()
        'all of it'
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        if path.is_dir():
            # os.replace would find out only after the JSON beside it has been put in place.
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except FileError:
        raise
    except OSError as error:
        raise _in_words(path, error) from error
    finally:
        _discard(unfinished)


def _discard(unfinished: Path) -> None:
    try:
        unfinished.unlink(missing_ok=True)
    except NotADirectoryError:
        # The folder is a file, so nothing was begun; the error under way says so better.
        return


def _in_words(path: Path, error: OSError) -> FileError:
    what_to_do = "choose another folder"
    if error.errno == errno.ENOSPC:
        what_to_do = "free some space or choose another disk"
    return FileError(f"{path}: cannot be written ({error.strerror or error}); {what_to_do}.")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader, or a crash, never sees half of it."""
    with replacing(path) as file:
        file.write(content)


def write_file(path: Path, tree: Any) -> None:
    """One atomic file: safetensors, with the JSON in its header."""
    plain, arrays = pack(tree)
    write_atomically(path, dump_arrays(arrays, metadata={"tree": json.dumps(plain)}))


def read_file(path: Path) -> Any:
    """The tree that `write_file` wrote; `FileError` when it is missing or damaged."""
    try:
        with safe_open(path, framework="numpy") as file:
            plain = json.loads(file.metadata()["tree"])
            return unpack(plain, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise FileError(f"cannot read {path}: it is missing or damaged ({error})") from error


def write_folder(path: Path, description: dict[str, Any], tree: Any) -> None:
    """A folder with `model.json` and `weights.safetensors`, put in place in one move.

    An earlier model at `path` is replaced; any other folder that holds something is refused.
    """
    plain, arrays = pack(tree)
    weights = dump_arrays(arrays)
    description = description | {
        "state": plain,
        "weights": {
            "file": "weights.safetensors",
            "sha256": hashlib.sha256(weights).hexdigest(),
            "bytes": len(weights),
        },
    }
    if path.exists() and not (path.is_dir() and _replaceable(path)):
        raise FileError(f"{path}: something else is there; choose another folder for the model.")
    try:
        _put_folder(path, weights, description)
    except OSError as error:
        raise error if isinstance(error, FileError) else _in_words(path, error) from error


def _put_folder(path: Path, weights: bytes, description: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        os.chmod(fresh, 0o755)
        write_atomically(fresh / "weights.safetensors", weights)
        text = json.dumps(description, indent=1, ensure_ascii=False)
        write_atomically(fresh / "model.json", text.encode())
        if path.exists():
            old = fresh.with_name(fresh.name + ".old")
            os.rename(path, old)
            os.rename(fresh, path)
            shutil.rmtree(old)
        else:
            os.rename(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replaceable(path: Path) -> bool:
    names = {p.name for p in path.iterdir()}
    return not names or "model.json" in names


def read_folder(path: Path, *, format_name: str, format_version: int) -> tuple[dict[str, Any], Any]:
    """The description and the tree of a model folder, each checked.

    Raises:
        FileError: the folder is missing, foreign, damaged, truncated or of a newer format; the
            message says which.
    """
    if not path.is_dir():
        raise FileError(f"expected a model folder at {path}; there is none")
    try:
        description = json.loads((path / "model.json").read_text())
    except FileNotFoundError:
        raise FileError(f"{path} is not a model folder: it has no model.json") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}/model.json is damaged: {error}") from error
    if not isinstance(description, dict) or description.get("format") != format_name:
        raise FileError(f"{path} was not written by pushforward: model.json is of another kind")
    version = description.get("format_version")
    if not isinstance(version, int) or version > format_version:
        raise FileError(
            f"{path} is in format {version}, this version reads up to {format_version}; "
            f"upgrade pushforward (it was written by {description.get('version')})"
        )
    try:
        expected = description["weights"]
        weights = (path / expected["file"]).read_bytes()
        if len(weights) != expected["bytes"]:
            raise FileError(
                f"{path}/{expected['file']} is truncated: expected {expected['bytes']} bytes, "
                f"found {len(weights)}; copy the model again"
            )
        if hashlib.sha256(weights).hexdigest() != expected["sha256"]:
            raise FileError(f"{path}/{expected['file']} is damaged: its checksum is another")
        return description, unpack(description["state"], load_arrays(weights))
    except FileNotFoundError as error:
        raise FileError(f"{path} is incomplete: {error.filename} is missing") from error
    except (KeyError, TypeError, SafetensorError) as error:
        raise FileError(f"{path}/model.json is damaged: {error!r}") from error
