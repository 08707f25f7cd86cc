"""Damage, drawn by a seed: of bytes, of JSON, and of model folders whose checksums hold."""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save

DEEP = None
for _ in range(60):
    DEEP = [DEEP]
STRANGE = (  # values that a field may get in place of its own
    None,
    True,
    -1,
    0,
    1,
    7,
    10**12,
    10**400,
    0.5,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "../../etc/passwd",
    "os.system",
    "V1000000000",
    "\x00\x1b[2J",
    "\ud800",
    [],
    [1, "a"],
    [10**9],
    [[1, 2], [3]],
    {},
    {"$array": "nowhere"},
    {"$array": ["a"]},
    {"$sampler": {"class": "VAE", "parameters": {"hidden": [10**9]}}},
    {"$sampler": {"$sampler": {}}},
    {"$values": [[1], [2, 3]]},
    {"$values": ["a", {}]},
    {"$dict": []},
    {"$code": True},
    DEEP,
)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut off, flipped, exchanged, doubled, overwritten or filled up, in up to three places."""
    found = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        n = max(1, len(found))
        at, size = int(rng.integers(n)), int(rng.integers(1, 1 + min(64, n)))
        match int(rng.integers(7)):
            case 0:
                del found[at:]
            case 1:
                for i in rng.integers(n, size=4):
                    if i < len(found):
                        found[i] ^= 1 << int(rng.integers(8))
            case 2:
                to = int(rng.integers(n))
                found[at : at + size], found[to : to + size] = (
                    found[to : to + size],
                    found[at : at + size],
                )
            case 3:
                del found[at : at + size]
            case 4:
                found[at:at] = found[at : at + size]
            case 5:
                found[at : at + size] = bytes(rng.integers(256, size=size, dtype=np.uint8))
            case 6:
                found[at : at + size] = bytes([0, 255][int(rng.integers(2))] for _ in range(size))
    return bytes(found)


def swapped(tree, rng: np.random.Generator):
    """The same JSON with one value in it exchanged, left out, doubled or called otherwise."""
    places = list(_places(tree))
    if not places:
        return STRANGE[rng.integers(len(STRANGE))]
    node, key = places[rng.integers(len(places))]
    match int(rng.integers(6)):
        case 0:
            del node[key]
        case 1 if isinstance(node, list):
            node.insert(key, node[key])
        case 1:
            node[f"{key}x"] = node.pop(key)
        case 2:
            other, name = places[rng.integers(len(places))]
            node[key] = json.loads(json.dumps(other[name]))
        case _:
            node[key] = STRANGE[rng.integers(len(STRANGE))]
    return tree


def _places(tree):
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, list):
        items = list(enumerate(tree[:20]))  # a learning curve is not the only thing to change
    else:
        return
    for key, value in items:
        yield tree, key
        yield from _places(value)


def retensored(arrays: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same arrays with one of another shape, kind or values; or left out; or one too many."""
    arrays = dict(arrays)
    if not arrays or rng.random() < 0.1:
        return arrays | {"more": np.zeros(3)}
    name = list(arrays)[rng.integers(len(arrays))]
    x = arrays[name]
    kinds = ("float16", "float32", "float64", "int8", "int64", "uint8", "bool")
    strange = (np.nan, np.inf, -1e300, 1e300, -1, 0)
    match int(rng.integers(7)):
        case 0:
            del arrays[name]
        case 1:
            arrays[name] = x.ravel()[: int(rng.integers(x.size + 1))]
        case 2:
            with np.errstate(all="ignore"):
                arrays[name] = x.astype(kinds[rng.integers(len(kinds))])
        case 3:
            arrays[name] = np.ascontiguousarray(x.T) if x.ndim > 1 else x[None]
        case 4:
            arrays[name] = np.zeros((0, *x.shape))
        case _:
            x = x.astype(float) if rng.random() < 0.3 else x.copy()
            with np.errstate(all="ignore"):
                x.ravel()[: 1 + int(rng.integers(max(1, x.size)))] = np.array(
                    strange[rng.integers(len(strange))]
                ).astype(x.dtype)
            arrays[name] = x
    return arrays


def put(folder: Path, description, arrays: dict[str, np.ndarray] | None = None) -> None:
    """Write a model folder whose size and checksum are right, whatever is in it."""
    if arrays is not None:
        content = save({name: np.ascontiguousarray(x) for name, x in arrays.items()})
        (folder / "weights.safetensors").write_bytes(content)
        if isinstance(description, dict) and isinstance(description.get("weights"), dict):
            description["weights"] |= {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }
    text = json.dumps(description).encode(errors="surrogatepass")
    (folder / "model.json").write_bytes(text)


def parts(folder: Path):
    """The description and the arrays of a model folder."""
    description = json.loads((folder / "model.json").read_text())
    return description, load((folder / "weights.safetensors").read_bytes())
