"""Time, memory and answers of leave-one-out 1-NN: pushforward beside scikit-learn and faiss.

Normal rows in float32, half of them real and half 2 % wider, of two shapes. Every run is a process
of its own, so that its peak of memory is its own too; contenders take turns. At the end the
published example of precision, recall, density and coverage: N(0, I) in 1000 columns, 10 000 rows
each, k = 5, here the mean and the standard deviation over several seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np

from record import folder_of, keep, machine, options_of, print_table

CONTENDERS = ("pushforward", "faiss", "scikit-learn")
SHAPES = [(10_000, 2048), (50_000, 64)]  # rows of each kind, columns
QUICK_SHAPES = [(3_000, 512), (8_000, 64)]
SEEDS = 5  # of the published example
PUBLISHED = {"precision": 0.4772, "recall": 0.4705, "density": 1.0555, "coverage": 0.9735}
NOTES = [
    "pushforward gives the accuracy, its halves, their exact variances, p-values and intervals; "
    "ties are exact in float64. Peers give one nearest row each, in float32, and the accuracy.",
    "scikit-learn: NearestNeighbors, brute; faiss: IndexFlatL2, two neighbours less the row itself",
    "seconds are from rows in memory to the accuracy, after a warm-up on 500 rows; memory is the "
    "peak of the process less what it was with rows and libraries loaded",
    "agreement is the share of rows whose nearest row has the same label as scikit-learn says",
]
Accuracy = Callable[[np.ndarray, np.ndarray], np.ndarray]


def rows_of(n: int, p: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).standard_normal((2, n, p), dtype=np.float32) + 1
    rows[1] *= 1.02
    return rows[0], rows[1]


def pushforward_answer() -> tuple[Accuracy, Accuracy]:
    """What is timed, and what then tells the labels of the nearest rows."""
    from pushforward.evaluation import leave_one_out
    from pushforward.evaluation.neighbourhoods import neighbourhoods

    def labels(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
        near = neighbourhoods(real, fake)
        of_real = near.distances(near.real_to_fake) > near.distances(near.real_to_real)
        of_fake = near.distances(near.fake_to_real) < near.distances(near.fake_to_fake)
        return np.concatenate([of_real, of_fake])

    return lambda real, fake: np.asarray(leave_one_out(real, fake).accuracy.value), labels


def sklearn_answer(threads: int) -> tuple[Accuracy, Accuracy]:
    from sklearn.neighbors import NearestNeighbors

    def labels(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
        rows = np.concatenate([real, fake])
        search = NearestNeighbors(n_neighbors=1, algorithm="brute", n_jobs=threads).fit(rows)
        return search.kneighbors(return_distance=False)[:, 0] < len(real)

    return labels, labels


def faiss_answer(threads: int) -> tuple[Accuracy, Accuracy]:
    import faiss

    faiss.omp_set_num_threads(threads)

    def labels(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
        rows = np.concatenate([real, fake])
        index = faiss.IndexFlatL2(rows.shape[1])
        index.add(rows)
        _, found = index.search(rows, 2)
        own = found[:, 0] == np.arange(len(rows))
        return np.where(own, found[:, 1], found[:, 0]) < len(real)

    return labels, labels


def work(contender: str, n: int, p: int, threads: int, answers: Path) -> dict[str, Any]:
    """One run, in a process that does nothing else."""
    timed, labels = {
        "pushforward": pushforward_answer,
        "scikit-learn": lambda: sklearn_answer(threads),
        "faiss": lambda: faiss_answer(threads),
    }[contender]()
    real, fake = rows_of(n, p)
    timed(real[:500], fake[:500])
    if contender == "pushforward":
        import torch

        torch.ones(9, 9) @ torch.ones(9, 9)
    before = peak()
    began = time.perf_counter()
    answer = timed(real, fake)
    seconds = time.perf_counter() - began
    memory = peak() - before
    if not answers.exists():
        np.save(answers, labels(real, fake) if answer.ndim == 0 else answer)
    return {"seconds": seconds, "extra_mb": memory}


def peak() -> float:
    """The most memory that this process has held, in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def run(contender: str, n: int, p: int, threads: int, answers: Path) -> dict[str, Any]:
    """`work` in a new process."""
    command = [sys.executable, __file__, "--worker", contender, str(n), str(p), str(threads)]
    limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [*command, str(answers)], env=os.environ | limits, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


def measure(n: int, p: int, times: int, threads: int) -> dict[str, Any]:
    """All contenders in turns on rows of one shape."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.npy" for name in CONTENDERS}
        for turn in range(times):
            for name in CONTENDERS[turn % 3 :] + CONTENDERS[: turn % 3]:
                if name in missing:
                    continue
                try:
                    runs[name].append(run(name, n, p, threads, files[name]))
                except RuntimeError as error:
                    missing[name] = f"not measured ({error})"
        answers = {name: np.load(file) for name, file in files.items() if file.exists()}
    ours = median(one["seconds"] for one in runs["pushforward"])
    truth = answers.get("scikit-learn")
    own = np.arange(2 * n) < n
    return {
        "rows": 2 * n,
        "columns": p,
        "contenders": [
            {
                "name": name,
                "seconds": median(one["seconds"] for one in found),
                "ratio_to_ours": median(one["seconds"] for one in found) / ours,
                "extra_mb": max(one["extra_mb"] for one in found),
                "accuracy": float((answers[name] == own).mean()),
                "agreement": None if truth is None else float((answers[name] == truth).mean()),
                "runs": found,
            }
            for name, found in runs.items()
            if found and name not in missing
        ],
        "missing": missing,
    }


def published_example(n: int, p: int) -> dict[str, Any]:
    """Precision, recall, density and coverage of two samples of N(0, I), for each seed."""
    from pushforward.evaluation import prdc

    seconds, found = [], []
    for seed in range(SEEDS):
        real, fake = np.random.default_rng(seed).standard_normal((2, n, p))
        began = time.perf_counter()
        found.append(prdc(real, fake, k=5)._asdict())
        seconds.append(time.perf_counter() - began)
    values = {key: [one[key] for one in found] for key in PUBLISHED}
    return {
        "rows": 2 * n,
        "columns": p,
        "seconds": median(seconds),
        "mean": {key: mean(values[key]) for key in values},
        "sd": {key: stdev(values[key]) for key in values},
        "found": found,
    }


def show(case: dict[str, Any]) -> None:
    shape = f"{case['rows']} rows × {case['columns']}"
    lines = [
        (
            row["name"],
            f"{row['seconds']:.2f}",
            f"{row['ratio_to_ours']:.2f} ×",
            f"{row['extra_mb']:.0f}",
            f"{row['accuracy']:.5f}",
            "-" if row["agreement"] is None else f"{row['agreement']:.5f}",
        )
        for row in case["contenders"]
    ]
    print_table((shape, "seconds", "to ours", "extra MB", "accuracy", "agreement"), lines)
    for name, why in case["missing"].items():
        print(f"{name}: {why}")


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        contender, n, p, threads, answers = sys.argv[2:]
        print(json.dumps(work(contender, int(n), int(p), int(threads), Path(answers))))
        return
    parser: argparse.ArgumentParser = options_of(__doc__)
    parser.add_argument("--times", type=int, help="runs of each (default 3, quick 1)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    options = parser.parse_args()
    times = options.times or (1 if options.quick else 3)
    kind = machine()
    cases = []
    for n, p in QUICK_SHAPES if options.quick else SHAPES:
        cases.append(measure(n, p, times, options.threads))
        show(cases[-1])
    example = published_example(*((1_000, 200) if options.quick else (10_000, 1000)))
    print_table(
        (f"N(0, I), {example['rows']} rows × {example['columns']}", "here", "sd", "published"),
        [
            (key, f"{example['mean'][key]:.4f}", f"{example['sd'][key]:.4f}", f"{value:.4f}")
            for key, value in PUBLISHED.items()
        ],
    )
    print(f"{SEEDS} seeds, {example['seconds']:.2f} s each; published for 20000 rows × 1000")
    result = {
        "machine": kind,
        "settings": {"times": times, "threads": options.threads},
        "cases": cases,
        "example": example | {"published": PUBLISHED},
        "notes": NOTES,
    }
    keep("neighbours", folder_of(options), result)


if __name__ == "__main__":
    main()
