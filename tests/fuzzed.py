"""Every kind of file that is read: a whole one, how it is damaged, and what reads it."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import pushforward as pf
from mutations import damaged, parts, put, retensored, swapped
from pushforward.data.files import read_provenance, write_samples
from pushforward.errors import PushforwardError
from pushforward.methods import code_of
from pushforward.report.html import write_report
from pushforward.space import read_spaces
from pushforward.storage import read_file, write_file
from pushforward.study.compare import compare
from studies import SPACE, config, restarted, searched, write, yardsticks

FORMATS = Path(__file__).parent / "formats"


@dataclass(frozen=True)
class Kind:
    """`make` writes a whole one, `damage` one file of it, `read` uses it as a user would."""

    make: Callable[[Path], Path]
    damage: Callable[[Path, np.random.Generator], None]
    read: Callable[[Path], object]


def in_bytes(path: Path, rng: np.random.Generator) -> None:
    """Damage the bytes of a file, or of one in a folder."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    file = files[rng.integers(len(files))]
    file.write_bytes(damaged(file.read_bytes(), rng))


def in_json(path: Path, rng: np.random.Generator) -> None:
    """Exchange values in a JSON file, or in a line of JSON lines."""
    lines = path.read_text().split("\n") if path.suffix == ".jsonl" else [path.read_text()]
    at = int(rng.integers(max(1, len(lines) - 1)))
    tree = json.loads(lines[at])
    for _ in range(rng.integers(1, 3)):
        tree = swapped(tree, rng)
    lines[at] = json.dumps(tree)
    path.write_bytes("\n".join(lines).encode(errors="surrogatepass"))


def in_a_run(path: Path, rng: np.random.Generator) -> None:
    in_json(path / ("config.json" if rng.random() < 0.3 else "results.jsonl"), rng)


def in_the_description(path: Path, rng: np.random.Generator) -> None:
    description, _ = parts(path)
    for _ in range(rng.integers(1, 3)):
        description = swapped(description, rng)
    put(path, description)


def in_the_weights(path: Path, rng: np.random.Generator) -> None:
    description, arrays = parts(path)
    put(path, description, retensored(arrays, rng))


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=12).round(3),
            "city": rng.choice(["Bern", "Chur, GR", 'a "b"'], 12),
            "n": pd.array([1, None, 3] * 4, dtype="Int64"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(12), "D"),
        }
    )


def _file(name: str, content: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        content(folder / name)
        return folder / name

    return make


def _pictures(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    path = folder / "pictures"
    path.mkdir()
    for name in ("0.png", "1.jpg", "2.webp", "3.png"):
        pixels = rng.integers(0, 256, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path / name)
    return path


def _copy(source: Callable[[], Path]) -> Callable[[Path], Path]:
    return lambda folder: Path(shutil.copytree(source(), folder / "copy"))


def _used(path: Path) -> None:
    """A model is loaded and used in all ways."""
    code_of(path)
    model = pf.load_model(path)
    X = model.sample(5, random_state=0)
    if isinstance(X, pd.DataFrame):
        X = X.reindex(columns=list(model.feature_names_in_))  # with columns that were left out
    for use in ("score_samples", "transform"):
        if hasattr(model, use):
            getattr(model, use)(X)


@cache
def _run() -> Path:
    """A small comparison, made once."""
    data = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    out = Path(tempfile.mkdtemp()) / "run"
    return compare(data, methods=["gaussian", "copula"], repeats=2, jobs=1, out=out).folder


@cache
def _study() -> Path:
    """A small search, made once."""
    rng = np.random.default_rng(0)
    trials = {m: searched(m, rng.uniform(0.1, 0.4, 12)) for m in ("gan", "wgan")}
    rows = [row for found in trials.values() for row in found + restarted(found, [0.1, 0.12, 0.2])]
    settings = config({"gan": SPACE, "wgan": SPACE}, trials=12, restarts=3)
    return write(Path(tempfile.mkdtemp()) / "study", settings, rows + yardsticks(3))


def _npz(path: Path) -> None:
    np.savez_compressed(path, X=np.arange(24.0).reshape(12, 2), y=np.arange(12))


def _space(path: Path) -> None:
    ranges = {"learning_rate": {"log_uniform": [1e-5, 1e-2]}, "n_critic": {"choice": [1, [2, 3]]}}
    path.write_text(json.dumps({"gan": ranges, "vae": {"latent_dim": {"whole": [1, 9]}}}))


def _provenance(name: str) -> Callable[[Path], Path]:
    X = np.random.default_rng(0).integers(0, 256, (4, 64), dtype=np.uint8)

    def write(path: Path) -> None:
        shape = (8, 8) if path.suffix == ".png" else None
        write_samples(path, X, {"method": "vae", "seed": 1}, image_shape=shape)

    return _file(name, write)


def _checkpoint(path: Path) -> None:
    write_file(path, {"fingerprint": {"seed": 1}, "parts": {"w": np.ones(5), "rows": [1, None]}})


KINDS: dict[str, Kind] = {
    "csv": Kind(_file("t.csv", lambda p: table().to_csv(p, index=False)), in_bytes, pf.load_data),
    "parquet": Kind(_file("t.parquet", lambda p: table().to_parquet(p)), in_bytes, pf.load_data),
    "npy": Kind(_file("t.npy", lambda p: np.save(p, np.ones((6, 4)))), in_bytes, pf.load_data),
    "npy-images": Kind(
        _file("t.npy", lambda p: np.save(p, np.ones((6, 4, 4, 3), np.uint8))),
        in_bytes,
        pf.load_data,
    ),
    "npz": Kind(_file("t.npz", _npz), in_bytes, pf.load_data),
    "pictures": Kind(_pictures, in_bytes, pf.load_data),
    "space": Kind(_file("s.json", _space), in_bytes, read_spaces),
    "space, swapped": Kind(_file("s.json", _space), in_json, read_spaces),
    "run": Kind(_copy(_run), in_a_run, write_report),
    "run, bytes": Kind(_copy(_run), in_bytes, write_report),
    "study": Kind(_copy(_study), in_a_run, write_report),
    "checkpoint": Kind(_file("c", _checkpoint), in_bytes, read_file),
    **{
        f"provenance of {name}": Kind(_provenance(name), in_bytes, read_provenance)
        for name in ("s.npz", "s.parquet", "s.png")
    },
    "provenance of s.csv": Kind(
        _provenance("s.csv"),
        lambda p, rng: in_bytes(p.with_name("s.csv.json"), rng),
        read_provenance,
    ),
}
for _source in sorted(FORMATS.glob("*/*/model.json")):
    _name = "/".join(_source.parts[-3:-1])
    for _damage in (in_bytes, in_the_description, in_the_weights):
        KINDS[f"model {_name}, {_damage.__name__}"] = Kind(
            _copy(lambda folder=_source.parent: folder), _damage, _used
        )


def outcome(kind: str, seed: int, folder: Path) -> str:
    """What comes of one damaged file: "read" or "refused"; any other error is raised."""
    made = KINDS[kind].make(folder)
    KINDS[kind].damage(made, np.random.default_rng(seed))
    try:
        KINDS[kind].read(made)
    except PushforwardError as error:
        if not str(error).strip():
            raise AssertionError("an error without words") from error
        return "refused"
    return "read"
