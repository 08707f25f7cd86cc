"""Peak memory of fitting a VAE to a file that is larger than the machine's memory.

The file is sparse: some of its blocks are filled and the others are holes, which read as zeros, so
that it takes little of the disk. Each fit is a process of its own, whose largest resident set the
system keeps. Windows of rows are read by as many threads as `workers` says; samples must be equal.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import pushforward as pf
from pushforward.models.forecast import forecast
from record import folder_of, keep, machine, options_of, print_table

GIB, MIB = 2**30, 2**20
FILLED = 200  # of so many blocks one is filled
CASES: dict[str, dict[str, Any]] = {
    "rows": {
        "shape": (256,),
        "dtype": "float32",
        "options": {"hidden": (64,), "batch_size": 512, "patience": 10_000},
        "rounds": 1000,
    },
    "images": {
        "shape": (32, 32, 3),
        "dtype": "uint8",
        "options": {"width": 4, "batch_size": 64, "patience": 10_000},
        "rounds": 100,
    },
}


def write_sparse(path: Path, case: dict[str, Any], size: int) -> None:
    """A .npy of about so many bytes, filled here and there."""
    row = np.dtype(case["dtype"]).itemsize * int(np.prod(case["shape"]))
    n, step = size // row, MIB // row
    array = np.lib.format.open_memmap(path, "w+", case["dtype"], (n, *case["shape"]))
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(8, int(np.prod(case["shape"]))))
    for first in range(0, n - step, step * FILLED):
        values = rng.normal(size=(step, 8)) @ basis
        if case["dtype"] == "uint8":
            values = np.clip(128 + 20 * values, 0, 255)
        array[first : first + step] = values.reshape(step, *case["shape"]).astype(case["dtype"])
    array.flush()


def fit(name: str, path: Path, workers: int, rounds: int) -> None:
    """Fit in this process, and print what it took."""
    rows = pf.open_data(path, workers=workers)
    vae = pf.VAE(max_rounds=rounds, random_state=0, **CASES[name]["options"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    expected = forecast(vae, rows)
    began = time.monotonic()
    vae.fit(rows, progress=False)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {
        "file_gib": path.stat().st_size / GIB,
        "rows": len(rows),
        "rounds": vae.n_rounds_,
        "seconds": seconds,
        "forecast_seconds": expected.seconds,
        "imports_mib": before / MIB,
        "peak_mib": peak / MIB,
        "forecast_mib": expected.memory / MIB,
        "drawn": float(np.asarray(vae.sample(100, random_state=0), dtype=float).sum()),
    }
    print(json.dumps(found))


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--gib", type=float, default=30.0, help="size of each file")
    parser.add_argument("--rounds", type=int, help="of each fit")
    parser.add_argument("--data", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--fit", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        name, path, workers, rounds = options.fit
        fit(name, Path(path), int(workers), int(rounds))
        return
    about, results = machine(), []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.data:
            case = CASES[name]
            path = Path(folder) / f"{name}.npy"
            write_sparse(path, case, int((1 if options.quick else options.gib) * GIB))
            rounds = options.rounds or case["rounds"] // (10 if options.quick else 1)
            for workers in (0, 2):
                arguments = [name, str(path), str(workers), str(rounds)]
                command = [sys.executable, __file__, "--fit", *arguments]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found = json.loads(done.stdout.splitlines()[-1])
                results.append({"data": name, "workers": workers, **found})
            path.unlink()
            assert results[-1]["drawn"] == results[-2]["drawn"], "threads change what is drawn"
    head = ("data", "file, GiB", "threads", "rounds", "s", "imports, MiB", "peak, MiB", "forecast")
    print_table(
        head,
        [
            [
                r["data"],
                f"{r['file_gib']:.1f}",
                str(r["workers"]),
                str(r["rounds"]),
                f"{r['seconds']:.0f}",
                f"{r['imports_mib']:.0f}",
                f"{r['peak_mib']:.0f}",
                f"+{r['forecast_mib']:.0f}",
            ]
            for r in results
        ],
    )
    memory = next(x for x in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in x)
    total = int(memory.split()[1]) / MIB
    keep(
        "large-data",
        folder_of(options),
        {"machine": about | {"memory_gib": total}, "fits": results},
    )


if __name__ == "__main__":
    main()
