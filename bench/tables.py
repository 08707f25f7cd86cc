"""Tables: our generators against CTGAN, TVAE and a Gaussian copula, as their makers ship them.

    python bench/tables.py --quick
    python bench/tables.py --run tables-run            # goes on where it was interrupted

Peers at their defaults (300 epochs). Each fits the same rows with one thread, in a process of its
own; given are the seconds of the processor that a fit and 10 000 rows take: other work on the
machine changes them less than those of a clock. Judged against rows that no fit saw, as many as
were drawn, by `pushforward.evaluate`: the accuracies of the nearest neighbour among real and
generated rows (½ is best, 1 tells all apart, 0 is copies), the mean distance of columns and of
associations of pairs of columns, how well a column is predicted by what learnt from generated rows,
the area under the curve of an attack on membership (½: nothing leaks), the share of copies. "real"
are rows of the training set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import numpy as np
import pandas as pd
import torch

import pushforward as pf
from mixed_tables import NAMES, Table, table_of
from pushforward.methods import METHODS
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
OURS = ("copula", "mixture", "kernel-density", "vae", "gan", "r3-drs-gan")
PEERS = ("ctgan", "tvae", "sdv-copula")
EPOCHS = 300  # the peers' default
MANY = 10_000  # rows whose drawing is timed
JUDGED = (
    "nn_real",
    "nn_fake",
    "columns",
    "associations",
    "utility",
    "membership",
    "copies",
    "frechet",
)
SCORES = (*JUDGED[:-1], "seconds", "seconds_to_draw")


def peer(name: str, table: Table, seed: int, epochs: int) -> Any:
    """A peer fitted at its defaults, by its own public interface."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    if name == "sdv-copula":
        return CopulaOfPeers().fit(table)
    from ctgan import CTGAN, TVAE

    model = {"ctgan": CTGAN, "tvae": TVAE}[name](epochs=epochs)
    model.fit(table.train, table.categories)
    return model


class CopulaOfPeers:
    """What SDV's Gaussian copula does: categories as uniform numbers, beta marginals, a copula."""

    def fit(self, table: Table) -> CopulaOfPeers:
        from copulas.multivariate import GaussianMultivariate
        from copulas.univariate import BetaUnivariate
        from rdt import HyperTransformer
        from rdt.transformers import FloatFormatter, UniformEncoder

        transformer = HyperTransformer()
        transformer.detect_initial_config(table.train)
        transformer.update_transformers_by_sdtype("categorical", UniformEncoder())
        transformer.update_transformers_by_sdtype(
            "numerical", FloatFormatter(learn_rounding_scheme=True, enforce_min_max_values=True)
        )
        self.transformer, self.model = transformer, GaussianMultivariate(BetaUnivariate)
        self.model.fit(transformer.fit_transform(table.train))
        return self

    def sample(self, n: int) -> pd.DataFrame:
        return self.transformer.reverse_transform(self.model.sample(n))


def carry_out(name: str, data: str, seed: int, quick: bool, folder: Path) -> None:
    """One fit and its samples, in this process; kept in `folder`."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    table = table_of(data, seed)
    began = time.process_time()
    if name in PEERS:
        model = peer(name, table, seed, 1 if quick else EPOCHS)
    else:
        options = {"max_rounds": 50} if quick and hasattr(METHODS[name].sampler, "_game") else {}
        model = METHODS[name].make(random_state=seed, **options).fit(table.train, progress=False)
    fitted = time.process_time()
    many = model.sample(MANY)
    drawn = time.process_time()
    many[: len(table.test)].to_parquet(folder / "samples.parquet")
    took = {"seconds": fitted - began, "seconds_to_draw": drawn - fitted}
    took["rounds"] = getattr(model, "n_rounds_", None)
    (folder / "took.json").write_text(json.dumps(took))


def scored(rows: pd.DataFrame, table: Table) -> dict[str, float]:
    """What is said of generated rows, against real ones that no fit saw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = rows.astype(table.train.dtypes.to_dict())
        found = pf.evaluate(table.test, rows, table.train, target=table.target)
    return {name: float(found[name].value) for name in JUDGED if name in found}


def yardstick(table: Table, seed: int) -> dict[str, float]:
    """What as many training rows score that no test row equals."""
    n = min(len(table.test), len(table.train))
    rows = table.train.sample(n, random_state=seed).reset_index(drop=True)
    return scored(rows, table)


def summary(runs: list[dict[str, Any]]) -> list[list[str]]:
    lines = []
    for data, name in dict.fromkeys((run["data"], run["name"]) for run in runs):
        mine = [run for run in runs if (run["data"], run["name"]) == (data, name)]
        cells = []
        for score in SCORES:
            values = [run[score] for run in mine if run.get(score) is not None]
            digits = 1 if score == "seconds" else 3
            cells.append(plus_minus(mean_and_error(values), digits) if values else "-")
        lines.append([f"{data} {name}", *cells])
    return lines


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--data", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--methods", nargs="+", default=(*PEERS, *OURS))
    parser.add_argument("--run", type=Path, default=Path("tables-run"), help="what goes on")
    parser.add_argument("--one", nargs=3, metavar=("METHOD", "DATA", "SEED"), help="this fit alone")
    options = parser.parse_args()
    if options.one:
        name, data, seed = options.one
        carry_out(name, data, int(seed), options.quick, options.run)
        return
    seeds, run = options.seeds, options.run
    if options.quick:
        seeds, run = SEEDS[:1], options.run / "quick"
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        for data in options.data:
            for name in options.methods:
                folder = run / f"{data}-{name}-{seed}"
                folder.mkdir(parents=True, exist_ok=True)
                if not (folder / "took.json").exists():
                    one = [sys.executable, __file__, "--run", str(folder)]
                    one += ["--quick"] * options.quick + ["--one", name, data, str(seed)]
                    subprocess.run(one, check=True)
                print(data, name, seed, (folder / "took.json").read_text(), flush=True)
    for seed in seeds:
        for data in options.data:
            table = table_of(data, seed)
            shared = {"data": data, "seed": seed}
            runs.append(shared | {"name": "real", **yardstick(table, seed)})
            for name in options.methods:
                folder = run / f"{data}-{name}-{seed}"
                rows = pd.read_parquet(folder / "samples.parquet")
                took = json.loads((folder / "took.json").read_text())
                runs.append(shared | {"name": name, **took, **scored(rows, table)})
    runs.sort(key=lambda run: (options.data.index(run["data"]), run["seed"]))
    print_table(("data and generator", *SCORES), summary(runs))
    settings = {"epochs": EPOCHS, "rows drawn": MANY, "threads": 1}
    keep("tables", folder_of(options), {"machine": machine(), "settings": settings, "runs": runs})


if __name__ == "__main__":
    main()
