"""A run is a folder: its configuration, its results line by line, samples, models, a report."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pushforward.errors import FileError
from pushforward.locking import alone_with
from pushforward.storage import write_atomically
from pushforward.study.rows import checked
from pushforward.untrusted import Damaged, parse_json, read_bytes, read_json

LOCK = ".lock"  # who is at work in a folder


class RunFolder:
    """The folder of one comparison.

    `config.json` says what is compared on what; `results.jsonl` has a line for each finished row;
    `samples/` and `models/` have what each row drew and learnt. A folder belongs to one
    configuration: opening it with another is an error, with the same one goes on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path, config: dict[str, Any]) -> RunFolder:
        """The folder for `config`, created if need be.

        Raises:
            FileError: it holds another run, something else, or cannot be written.
        """
        folder = cls(path)
        if path.exists() and not path.is_dir():
            raise FileError(f"{path} is a file; choose another folder with --out")
        if folder._file("config.json").exists():
            found = folder.config
            different = [
                k for k in config["run"] if found.get("run", {}).get(k) != config["run"][k]
            ]
            if different:
                raise FileError(
                    f"{path} holds another run (different: {', '.join(different)}); "
                    "choose another folder with --out"
                )
        elif path.exists() and any(path.iterdir()):
            raise FileError(f"{path} is not empty and holds no run; choose another with --out")
        else:
            write_atomically(folder._file("config.json"), json.dumps(config, indent=1).encode())
        return folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for this process, so that no two do the same work.

        Raises:
            FileError: another process is at work in it.
        """
        with alone_with(self.path, self._file(LOCK)):
            for file in self.path.glob(".*.tmp"):  # of writes that were cut off
                file.unlink(missing_ok=True)
            yield

    def _file(self, name: str) -> Path:
        return self.path / name

    @property
    def config(self) -> dict[str, Any]:
        """What is compared, and with which versions.

        Raises:
            FileError: there is no run in this folder, or its configuration is damaged.
        """
        file = self._file("config.json")
        if not file.is_file():
            raise FileError(f"{self.path} holds no run: there is no config.json in it")
        found = read_json(file)
        if not isinstance(found, dict):
            raise FileError(f"{file} is damaged: expected an object, got {found!r:.80}")
        return found

    def describe(self, **more: Any) -> None:
        """Write into the configuration what may change from one sitting to the next."""
        config = self.config
        if config != config | more:
            write_atomically(
                self._file("config.json"), json.dumps(config | more, indent=1).encode()
            )

    def results(self) -> list[dict[str, Any]]:
        """The finished rows; a last line that was cut off by a crash does not count.

        Two that run the same study at once may both finish a trial: its first row counts.
        """
        file = self._file("results.jsonl")
        if not file.exists():
            return []
        lines = read_bytes(file).split(b"\n")
        complete = lines[:-1]  # what follows the last newline was never finished
        rows = []
        for number, line in enumerate(complete, 1):
            try:
                if line:
                    rows.append(checked(parse_json(line)))
            except Damaged as error:
                raise FileError(
                    f"{file} is damaged: line {number}: {error}; delete the line, and the same "
                    "command does that work again"
                ) from error
        first: dict[Any, dict[str, Any]] = {}
        for number, row in enumerate(rows):
            trial = [row.get(key) for key in ("method", "kind", "repeat", "hash")]
            first.setdefault(number if None in trial else tuple(trial), row)
        return list(first.values())

    def add(self, row: dict[str, Any]) -> None:
        """Append a finished row, durably; numbers that are not finite become null."""
        file = self._file("results.jsonl")
        line = json.dumps(_finite(row), allow_nan=False) + "\n"
        if file.exists() and _is_cut_off(file):
            line = "\n".join([json.dumps(r) for r in self.results()] + [line])
            write_atomically(file, line.encode())
            return
        try:
            with file.open("a") as out:
                out.write(line)
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise FileError(f"{file}: cannot be written ({error.strerror or error})") from error

    def samples(self, name: str) -> Path | None:
        """The file of samples of that name, whatever its kind, or None."""
        found = sorted(self._file("samples").glob(f"{name}.*"))
        return next((f for f in found if f.suffix in (".npz", ".parquet")), None)


def _is_cut_off(file: Path) -> bool:
    """Whether the last line was never finished; read by its last byte, as files grow long."""
    with file.open("rb") as lines:
        if not lines.seek(0, os.SEEK_END):
            return False
        lines.seek(-1, os.SEEK_END)
        return lines.read(1) != b"\n"


def _finite(value: Any) -> Any:
    """The same with null for what JSON cannot hold."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def short_hash(value: Any) -> str:
    """Eight hexadecimal digits of a JSON value.

    >>> short_hash({"seed": 0})
    'de7d7744'
    """
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
