"""Models of every kind in the current format, and what they draw: `python tests/formats/make.py`.

They are kept, one folder a format, so that what a later version reads is tested on files that an
earlier one wrote. A folder that is there stays: what was written once is not written again.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pushforward.methods import METHODS
from pushforward.sampler import FORMAT_VERSION, HasCodes, HasDensity, Sampler

HERE = Path(__file__).parent
SMALL = {"hidden": (8,), "max_rounds": 30}
DRAWS = 12  # rows that are kept of each model
CHECKED = 20  # rows of its data whose codes and densities are kept
SINCE = {"vae-named-table": 2, "gan-named-table": 2}  # the format that some kinds began with


def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(2.0, 3.0, size=(60, 3))


def labels() -> np.ndarray:
    return np.arange(60) % 2


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(40, 16, 16, 1), dtype=np.uint8)


def table() -> pd.DataFrame:
    """Every kind of column that a table may have, with holes in those that can hold them."""
    rng, n = np.random.default_rng(0), 120
    frame = pd.DataFrame(
        {
            "price": rng.normal(50, 10, n).round(2),
            "age": rng.integers(18, 90, n),
            "member": rng.random(n) < 0.3,
            "city": rng.choice(["Bern", "Basel", "Chur"], n),
            "grade": pd.Categorical(
                rng.choice([1, 2, 3], n), categories=[1, 2, 3, 4], ordered=True
            ),
            "visits": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "weight": rng.normal(size=n).astype("float32"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "country": "CH",
        }
    )
    frame.loc[rng.random(n) < 0.2, "price"] = np.nan
    frame.loc[rng.random(n) < 0.2, "city"] = None
    frame.loc[rng.random(n) < 0.2, "visits"] = pd.NA
    return frame


def named_table() -> pd.DataFrame:
    """A table whose rows have names and whose numbers are skew, which format 1 could not hold."""
    rng, n = np.random.default_rng(0), 120
    return pd.DataFrame(
        {
            "customer_id": [f"C-{i:04d}" for i in range(n)],
            "city": rng.choice([f"town {i}" for i in range(40)], n),
            "income": np.exp(rng.normal(10, 1, n)),
            "visits": rng.poisson(0.7, n),
        }
    )


# name of a folder: its method, its options, its data and what is beside them
KINDS: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "inverse-transform": ("inverse-transform", {}, rows, None),
    "maximum-likelihood": ("maximum-likelihood", {"family": "norm"}, rows, None),
    "gaussian": ("gaussian", {}, rows, None),
    "mixture": ("mixture", {}, rows, None),
    "copula": ("copula", {}, rows, None),
    "copula-table": ("copula", {}, table, None),
    "vae-named-table": ("vae", SMALL, named_table, None),
    "gan-named-table": ("gan", SMALL, named_table, None),
    "kernel-density": ("kernel-density", {}, rows, None),
    "copycat": ("copycat", {}, rows, None),
    "autoencoder": ("autoencoder", SMALL, rows, None),
    "vae": ("vae", SMALL, rows, None),
    "vae-images": (
        "vae",
        {"networks": "dcgan", "width": 4, "latent_dim": 3, "batch_size": 8, "max_rounds": 5},
        images,
        None,
    ),
    "dc-gan": (
        "dc-gan",
        {"width": 4, "latent_dim": 4, "batch_size": 8, "max_rounds": 5},
        images,
        None,
    ),
    "gan": ("gan", SMALL, rows, None),
    "hinge-gan": ("hinge-gan", SMALL, rows, None),
    "r3-drs-gan": ("r3-drs-gan", SMALL, rows, None),
    "progressive-gan": (
        "progressive-gan",
        {"width": 4, "latent_dim": 4, "phase_rounds": 2, "max_rounds": 20},
        images,
        None,
    ),
    "conditional-vae-table": ("conditional-vae", SMALL, table, lambda: np.arange(120) % 3),
    "conditional-gan": ("conditional-gan", SMALL, rows, labels),
    "bi-gan": ("bi-gan", SMALL, rows, None),
    "info-gan": ("info-gan", SMALL | {"categories": 2}, rows, None),
    "cycle-gan": ("cycle-gan", SMALL, rows, rows),
    "shared-autoencoder": (
        "shared-autoencoder",
        {"width": 2, "latent_dim": 4, "batch_size": 8, "max_rounds": 5},
        images,
        images,
    ),
    "super-resolution": (
        "super-resolution",
        {"width": 2, "blocks": 1, "warm_up": 3, "max_rounds": 5},
        images,
        None,
    ),
}


def outcomes(sampler: Sampler, X: Any) -> dict[str, Any]:
    """What a model is held to: samples of a seed, and codes and densities of rows of X."""
    found = {"samples": sampler.sample(DRAWS, random_state=0)}
    if isinstance(X, pd.DataFrame):
        return found
    if isinstance(sampler, HasDensity):
        found["densities"] = sampler.score_samples(X[:CHECKED])
    if isinstance(sampler, HasCodes):
        found["codes"] = sampler.transform(X[:CHECKED])
    return found


def write(folder: Path, method: str, options: dict[str, Any], data: Any, beside: Any) -> None:
    sampler = METHODS[method].make(random_state=0, **options)
    X = data()
    sampler.fit(X, None if beside is None else beside())
    sampler.save(folder, about={"made": "by tests/formats/make.py"})
    found = outcomes(sampler, X)
    if isinstance(found["samples"], pd.DataFrame):
        found["samples"].to_parquet(folder / "samples.parquet")
    else:
        np.savez_compressed(folder / "samples.npz", **found)


def main() -> None:
    for name, kind in KINDS.items():
        folder = HERE / str(FORMAT_VERSION) / name
        if folder.exists():
            sys.stdout.write(f"{folder} is there already\n")
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of training that is cut short, and of rows in a model
            write(folder, *kind)


if __name__ == "__main__":
    main()
