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
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as dump_arrays

from pushforward.errors import FileError
from pushforward.untrusted import (
    Damaged,
    parse_json,
    read_bytes,
    read_json,
    shortly,
)

WEIGHTS = "weights.safetensors"  # the one name of the file of arrays in a model folder
CARD = "CARD.md"
MOST_OF_NOTHING = 2**24  # the longest side of an array that has no elements
DIGITS = 64  # of a checksum
SEAL = b'"sha256":"'  # before it; in the text of a tree quotes are written with a backslash
ARRAY = "$array"  # {"$array": name} in the JSON stands for the array of that name


def pack(tree: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Split a tree into JSON and named arrays.

    >>> pack({"h": 0.5, "X": np.zeros((2, 1))})
    ({'h': 0.5, 'X': {'$array': 'X'}}, {'X': array([[0.], [0.]])})
    """
    arrays: dict[str, np.ndarray] = {}
    return _packed(tree, "", arrays), arrays


def _packed(tree: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """The JSON of a tree at this path of the whole, its arrays added to those."""
    if hasattr(tree, "detach"):  # a torch tensor; storage itself needs no torch
        tree = tree.detach().cpu().numpy()
    if isinstance(tree, np.ndarray):
        name = path or "array"
        while name in arrays:  # a key with a dot in it, as columns may have
            name += "'"
        arrays[name] = np.ascontiguousarray(tree).reshape(tree.shape)
        return {ARRAY: name}
    if isinstance(tree, np.generic):
        return tree.item()
    if isinstance(tree, dict):
        return {str(k): _packed(v, _below(path, k), arrays) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_packed(v, _below(path, k), arrays) for k, v in enumerate(tree)]
    return tree


def _below(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def digest(tree: Any) -> str:
    """SHA-256 of a tree, 64 hexadecimal digits: of its plain values, and of its arrays by name.

    >>> digest({"h": 0.5, "X": np.zeros((2, 1))})[:8]
    'b6ebe5c2'
    """
    plain, arrays = pack(tree)
    found = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def unpack(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The tree that `pack` took apart.

    Raises:
        Damaged: the tree names an array that is not there, or not every one that is.

    >>> unpack(*pack({"sizes": [1, 2], "X": np.ones(2)}))
    {'sizes': [1, 2], 'X': array([1., 1.])}
    """
    named: set[str] = set()
    whole = _put_together(tree, arrays, named)
    unknown = sorted(set(arrays) - named)
    if unknown:
        raise Damaged(
            f"expected {len(named)} arrays, found {len(arrays)}: {unknown[0]!r} does not belong"
        )
    return whole


def _put_together(tree: Any, arrays: dict[str, np.ndarray], named: set[str]) -> Any:
    if isinstance(tree, dict):
        if set(tree) == {ARRAY}:
            name = tree[ARRAY]
            if not isinstance(name, str) or name not in arrays:
                raise Damaged(f"expected an array called {name!r}, found none")
            named.add(name)
            return arrays[name]
        return {key: _put_together(value, arrays, named) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_put_together(value, arrays, named) for value in tree]
    return tree


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file; what does not add up to its size is refused by the format.

    Raises:
        Damaged: it is none, or has numbers of a kind or a shape that no model has.
    """
    try:
        arrays = load_arrays(content)
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(f"it is not safetensors of plain numbers ({shortly(error)})") from error
    return {name: _checked(name, array) for name, array in arrays.items()}


def _checked(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise Damaged(f"expected numbers in {name!r}, got {array.dtype}")
    # An array without elements costs nothing, whatever its shape says; what is made of it may.
    if array.size == 0 and max(array.shape) > MOST_OF_NOTHING:
        raise Damaged(f"expected elements in {name!r}, got none in shape {array.shape}")
    return array


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
    """One atomic file: safetensors, with the JSON and a checksum of all bytes in its header."""
    plain, arrays = pack(tree)
    metadata = {"tree": json.dumps(plain), "sha256": "0" * DIGITS}
    content = memoryview(dump_arrays(arrays, metadata=metadata))
    before, _, after = _around_seal(content)
    with replacing(path) as file:
        for part in (before, _seal(before, after), after):
            file.write(part)


def read_file(path: Path) -> Any:
    """The tree that `write_file` wrote; `FileError` when it is missing or damaged."""
    try:
        content = read_bytes(path)
        before, seal, after = _around_seal(memoryview(content))
        if seal != _seal(before, after):
            raise Damaged("its checksum is another")
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return unpack(parse_json(header["__metadata__"]["tree"]), _arrays(content))
    except FileNotFoundError as error:
        raise FileError(f"cannot read {path}: it is missing") from error
    except (TypeError, KeyError, ValueError) as error:
        raise FileError(
            f"cannot read {path}: it is damaged ({shortly(error)}); take a whole copy of it"
        ) from error


def _around_seal(content: memoryview) -> tuple[memoryview, bytes, memoryview]:
    """What is before the checksum in the header, the checksum, and what is after it."""
    header = bytes(content[: 8 + int.from_bytes(content[:8], "little")])
    begin = header.find(SEAL) + len(SEAL)
    if begin < len(SEAL):
        raise Damaged("it has no checksum")
    end = begin + DIGITS
    return content[:begin], header[begin:end], content[end:]


def _seal(*parts: memoryview) -> bytes:
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest().encode()


def write_folder(
    path: Path, description: dict[str, Any], tree: Any, card: str | None = None
) -> None:
    """A folder with `model.json` and `weights.safetensors`, put in place in one move.

    An earlier model at `path` is replaced; any other folder that holds something is refused. A
    `card` is put beside them as CARD.md, for people: nothing is read from it.
    """
    plain, arrays = pack(tree)
    weights = dump_arrays(arrays)
    description = description | {
        "state": plain,
        "weights": {
            "file": WEIGHTS,
            "sha256": hashlib.sha256(weights).hexdigest(),
            "bytes": len(weights),
        },
    }
    text = json.dumps(description, indent=1, ensure_ascii=False).encode(errors="surrogatepass")
    try:
        parse_json(text)  # what could not be read again is not written
    except Damaged as error:
        raise FileError(f"{path}: the model cannot be saved: {error}") from error
    if path.exists() and not (path.is_dir() and _replaceable(path)):
        raise FileError(f"{path}: something else is there; choose another folder for the model.")
    try:
        _put_folder(path, weights, text, card)
    except OSError as error:
        raise error if isinstance(error, FileError) else _in_words(path, error) from error


def _put_folder(path: Path, weights: bytes, text: bytes, card: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        os.chmod(fresh, 0o755)
        write_atomically(fresh / WEIGHTS, weights)
        write_atomically(fresh / "model.json", text)
        if card is not None:
            write_atomically(fresh / CARD, card.encode())
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
        description = read_json(path / "model.json", follow=False)
    except FileNotFoundError:
        raise FileError(f"{path} is not a model folder: it has no model.json") from None
    if not isinstance(description, dict) or description.get("format") != format_name:
        raise FileError(f"{path} was not written by pushforward: model.json is of another kind")
    version = description.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= format_version:
        raise FileError(
            f"{path} is in format {version!r:.20}, this version reads up to {format_version}; "
            f"upgrade pushforward (it was written by {description.get('version')!r:.20})"
        )
    try:
        content = _read_weights(path / WEIGHTS, description.get("weights"))
    except Damaged as error:
        raise FileError(
            f"{path}/{WEIGHTS} is damaged: {error}; take a whole copy of the model"
        ) from error
    try:
        if "state" not in description:
            raise Damaged("it has no state")
        return description, unpack(description["state"], content)
    except Damaged as error:
        raise FileError(
            f"{path}/model.json is damaged: {error}; take a whole copy of the model"
        ) from error


def _read_weights(file: Path, expected: Any) -> dict[str, np.ndarray]:
    """The arrays of a model, if they are the bytes that its description expects."""
    kinds = {"file": str, "sha256": str, "bytes": int}
    if not isinstance(expected, dict) or any(
        type(expected.get(name)) is not kind for name, kind in kinds.items()
    ):
        raise FileError(
            f"{file.parent}/model.json is damaged: expected weights with file, bytes and sha256, "
            f"got {expected!r:.80}; take a whole copy of the model"
        )
    if expected["file"] != file.name:  # another would lead out of the folder
        raise FileError(
            f"{file.parent}/model.json is damaged: expected the weights in {file.name}, "
            f"got {expected['file']!r:.80}; take a whole copy of the model"
        )
    try:
        content = read_bytes(file, follow=False)
    except FileNotFoundError as error:
        raise FileError(f"{file.parent} is incomplete: {file} is missing") from error
    if len(content) != expected["bytes"]:
        how = "truncated" if len(content) < expected["bytes"] else "damaged"
        raise FileError(
            f"{file} is {how}: expected {expected['bytes']} bytes, "
            f"found {len(content)}; copy the model again"
        )
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise Damaged("its checksum is another")
    return _arrays(content)
