"""What a user asks a comparison or a study for, checked before anything runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import torch

import pushforward
from pushforward.data.dataset import LEAST_IMAGE, Dataset
from pushforward.data.load import load_data, prepare_table
from pushforward.data.numbers import check_finite
from pushforward.errors import InputError
from pushforward.evaluation.mixed import judged_columns
from pushforward.evaluation.utility import target_of
from pushforward.methods import METHODS, get_method
from pushforward.study.folder import short_hash
from pushforward.training.distributed import together


def as_dataset(data: Any, label: str | Sequence[str] | None = None) -> Dataset:
    """What the user has, as a Dataset."""
    if isinstance(data, (str, os.PathLike)):
        return load_data(data, label=label)
    if label is not None and not isinstance(data, pd.DataFrame):
        raise InputError("expected a table or a file for label to name a column of")
    if isinstance(data, Dataset):
        return data
    if isinstance(data, pd.DataFrame):
        dataset = Dataset(name="table", X=data.reset_index(drop=True))
        return prepare_table(dataset, label=label)
    X = np.asarray(data)
    if X.ndim < 2:
        raise InputError(f"expected rows and columns, (n, p), got an array of shape {X.shape}")
    if X.dtype.kind not in "biuf":
        raise InputError(f"expected an array of numbers, got dtype {X.dtype}; use a DataFrame")
    check_finite(X.reshape(len(X), -1), [str(j) for j in range(X[0].size)] if len(X) else [])
    shape = X.shape[1:] if X.ndim > 2 else None
    return Dataset(name="array", X=X.reshape(len(X), -1), image_shape=shape)


def choose_methods(
    methods: str | Sequence[str] | None,
    columns: int = 2,
    labels: bool = True,
    images: bool | None = None,
) -> list[str]:
    """The names to compare; an `InputError` names an unknown one.

    Those that draw columns independently are compared by default where there is one column, those
    that draw by label where there are labels, and on images those that suit as many columns.
    Whether the data are images may be unknown yet (None).

    >>> choose_methods("gan,vae")
    ['gan', 'vae']
    """
    beside = ("", "labels") if labels else ("",)
    suiting = [m for m in METHODS.values() if m.learns and m.sampler.takes in beside]
    if not images:
        suiting = [m for m in suiting if "images" not in m.needs]
    if methods is None and images:
        return [m.name for m in suiting if m.of_images]
    if methods is None:
        return [m.name for m in suiting if m.default or (columns == 1 and m.alone)]
    if methods == "all":
        return [m.name for m in suiting]
    asked = methods.split(",") if isinstance(methods, str) else list(methods)
    names = [get_method(name.strip()).name for name in asked if name.strip()]
    if not names:
        raise InputError("expected at least one method; `pushforward methods` lists them")
    given = [name for name in names if not METHODS[name].learns]
    if given:
        raise InputError(
            f"{', '.join(given)} draws from a function and learns nothing from rows; compare others"
        )
    for name in names:
        takes = METHODS[name].sampler.takes
        if takes == "labels" and not labels:
            raise InputError(
                f"{name} draws by label, and the data has none; name their column, --label COL"
            )
        if images is False and "images" in METHODS[name].needs:
            raise InputError(
                f"{name} learns from images of at least {LEAST_IMAGE}×{LEAST_IMAGE} pixels, and "
                "the data has none; compare others"
            )
        if takes == "other rows":
            raise InputError(
                f"{name} translates between two sets of rows, and a comparison has one; fit it "
                "alone, `pushforward fit A --other B`"
            )
    return list(dict.fromkeys(names))


def methods_for(dataset: Dataset, methods: str | Sequence[str] | None) -> list[str]:
    """The names to compare on these data, as `choose_methods` has them."""
    return choose_methods(
        methods,
        columns=dataset.X.shape[1],
        labels=dataset.y is not None,
        images=dataset.are_images,
    )


def check_effort(budget: Any, **counts: int | None) -> None:
    """Refuse a budget or counts that are not above 0, and processes that are not ours."""
    if together() is not None:
        raise InputError("this has processes of its own for its fits; start it without torchrun")
    if isinstance(budget, str) or (budget is not None and not budget > 0):
        raise InputError(f"expected a budget above 0 seconds, got {budget!r}")
    for name, value in counts.items():
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 1):
            raise InputError(f"expected {name} to be a whole number above 0, got {value!r}")


def check_target(dataset: Dataset, target: str) -> None:
    """Refuse a column to predict that the rows do not have, before anything runs."""
    if not isinstance(dataset.X, pd.DataFrame):
        raise InputError(f"{dataset.name} is no table, so no column of it can be a target")
    target_of(dataset.X, judged_columns(dataset.X), target)


def describe_run(dataset: Dataset, **run: Any) -> dict[str, Any]:
    """All that decides the results (`run`), and beside it what the report tells of the data."""
    n, p = dataset.X.shape
    same = {"data": dataset.name, "fingerprint": dataset.fingerprint()}
    return {
        "run": {**same, **run, "version": pushforward.__version__},
        "data": {
            "name": dataset.name,
            "rows": n,
            "columns": p,
            "names": [str(c) for c in getattr(dataset.X, "columns", [])],
            "image_shape": list(dataset.image_shape) if dataset.image_shape else None,
            "label": dataset.label,
            "modes": dataset.source.n_modes if dataset.source else None,
            "notes": list(dataset.notes),
        },
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "torch": torch.__version__,
        },
        "machine": {"cores": os.cpu_count(), "gpu": torch.cuda.is_available()},
    }


def default_folder(dataset: Dataset, config: dict[str, Any]) -> Path:
    """Where a run is kept unless another place is named."""
    stem = "".join(c if c.isalnum() or c in "-_" else "-" for c in dataset.name)
    return Path("runs") / f"{stem}-{short_hash(config['run'])}"
