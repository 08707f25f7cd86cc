"""How fast rows on disk are read and encoded by as many threads, and where the time goes.

A folder of PNG pictures and a Parquet file are read window by window, with nothing trained beside
it. Numbers of threads take turns, so that a busy moment of the machine meets all of them. Windows
that were begun ahead and not used count as processor time: few in a full run, many in a trial.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

import pushforward as pf
from pushforward.data import opened, parquet, windows
from pushforward.data.encoded_rows import EncodedRows, rows_to_learn_from
from pushforward.data.encoding import Encoding
from pushforward.data.windows import Windows
from record import folder_of, keep, machine, options_of, print_table

THREADS = (0, 1, 2)


class Clock:
    """Processor seconds of all threads within a function."""

    def __init__(self, where: Any, name: str) -> None:
        self.seconds, self.lock = 0.0, threading.Lock()
        self.inner: Callable[..., Any] = getattr(where, name)
        setattr(where, name, lambda *args, **kwargs: self(*args, **kwargs))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        try:
            return self.inner(*args, **kwargs)
        finally:
            with self.lock:
                self.seconds += time.thread_time() - began


def write_pictures(folder: Path, n: int) -> Path:
    rng = np.random.default_rng(0)
    for i in range(n):
        coarse = np.kron(rng.normal(128, 40, size=(8, 8, 3)), np.ones((8, 8, 1)))
        pixels = np.clip(coarse + rng.normal(0, 6, size=coarse.shape), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:06}.png")
    return folder


def write_table(path: Path, n: int) -> Path:
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{j}": rng.normal(size=n) for j in range(10)}
    columns |= {f"c{j}": rng.choice(list("abcdefgh"), n) for j in range(5)}
    pd.DataFrame(columns).to_parquet(path, row_group_size=5_000)
    return path


def read(path: Path, threads: int, epochs: int) -> tuple[float, float, int]:
    """Seconds, processor seconds and rows of reading all rows in batches."""
    rows = pf.open_data(path, workers=threads)
    train = EncodedRows(rows, Encoding().fit(rows_to_learn_from(rows)))
    table = Windows(train, 0, torch.device("cpu"))
    began, used = time.monotonic(), time.process_time()
    n = epochs * len(rows)
    for first in range(0, n, 256):
        table.index_select(0, torch.arange(first, min(n, first + 256)))
    if table.pool is not None:
        table.pool.shutdown(cancel_futures=True)
    return time.monotonic() - began, time.process_time() - used, n


def main() -> None:
    options = options_of(__doc__).parse_args()
    about, results = machine(), []
    windows.WINDOW_BYTES = 2**21  # many windows, so that those read too far ahead weigh little
    decoders: dict[str, Clock] = {
        "pictures, 64×64×3": Clock(opened, "read_picture"),
        "table, 15 columns": Clock(parquet.pq.ParquetFile, "read_row_group"),
    }
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "pictures"
        folder.mkdir()
        paths = [
            write_pictures(folder, 100 if options.quick else 600),
            write_table(Path(temporary) / "table.parquet", 50_000 if options.quick else 200_000),
        ]
        for (name, decoder), path in zip(decoders.items(), paths, strict=True):
            found: dict[int, list[Any]] = {threads: [] for threads in THREADS}
            for _ in range(1 if options.quick else 3):
                for threads in THREADS:
                    before = decoder.seconds
                    seconds, used, n = read(path, threads, epochs=1)
                    found[threads].append((n / seconds, 1e3 * used / n, decoder.seconds - before))
            for threads, runs in found.items():
                columns = zip(*runs, strict=True)
                rate, used, decoding = (statistics.median(column) for column in columns)
                results.append({"data": name, "threads": threads, "rows_per_second": rate})
                results[-1] |= {"processor_ms": used, "decoding": decoding / (used * n / 1e3)}
    print_table(
        ("data", "threads", "rows a second", "processor, ms a row", "of it decoding"),
        [
            [
                r["data"],
                str(r["threads"]),
                f"{r['rows_per_second']:,.0f}",
                f"{r['processor_ms']:.4f}",
                f"{r['decoding']:.0%}",
            ]
            for r in results
        ],
    )
    keep("reading", folder_of(options), {"machine": about, "reads": results})


if __name__ == "__main__":
    main()
