"""What every benchmark shares: its options, the kind of machine, a plain table, a JSON file."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch

import pushforward

RESULTS = Path(__file__).parent / "results"


def options_of(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a short trial; nothing is kept")
    parser.add_argument("--out", type=Path, help="folder to keep the result in, trials too")
    return parser


def folder_of(options: argparse.Namespace) -> Path | None:
    """Where the result is kept: not at all for a trial, unless a folder was asked for."""
    return options.out or (None if options.quick else RESULTS)


def machine() -> dict[str, Any]:
    """The kind of machine and the versions, and how busy it was before the benchmark began."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "torch_threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "pushforward": pushforward.__version__,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


PLAIN_LIST = re.compile(r'\[[^\[\]{}"]*\]')
NESTED_LIST = re.compile(r'\[(?:\s*\[[^\[\]{}"]*\]\s*,?)+\s*\]')


def keep(name: str, folder: Path | None, result: dict[str, Any]) -> None:
    """Write `<name>-<date>.json`; a second run on one day replaces the first."""
    if folder is None:
        print("\na trial: nothing kept")
        return
    date = datetime.now(UTC).date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{date}.json"
    content = {"benchmark": name, "date": date} | result
    text = json.dumps(finite(content), indent=1, allow_nan=False)
    for lists in (PLAIN_LIST, NESTED_LIST):  # lists of numbers, and lists of these, on one line
        text = lists.sub(lambda found: "".join(found[0].split()).replace(",", ", "), text)
    path.write_text(text + "\n")
    print(f"\nkept in {path}")


def finite(value: Any) -> Any:
    """The same with null for what JSON cannot hold."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the first column to the left, all others, which are numbers, to the right."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print()
    for first, *others in lines:
        cells = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error, nan where there is a single value."""
    n = len(values)
    spread = float(np.std(values, ddof=1)) if n > 1 else math.nan
    return float(np.mean(values)), spread / math.sqrt(n)


def plus_minus(number: tuple[float, float], digits: int) -> str:
    """Mean ± standard error as text, the mean alone where the error is not known."""
    mean, error = number
    return f"{mean:.{digits}f}" + ("" if math.isnan(error) else f" ± {error:.{digits}f}")
