"""Where generated samples come from, as every file of them says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

import pushforward
from pushforward.data.dataset import Table
from pushforward.data.files import KEY, as_text
from pushforward.data.files import write_samples as write
from pushforward.methods import name_of
from pushforward.sampler import Sampler


def provenance(sampler: Sampler, **how: Any) -> dict[str, Any]:
    """Who drew the last sample: method, model, seed, conditions, version and date.

    `model` is the sampler's `fingerprint`, by which a file can be traced to the model that drew it;
    `how` is what else is to be said.

    >>> import pushforward as pf
    >>> model = pf.Gaussian(random_state=0).fit([[0.0], [1.0], [3.0]])
    >>> X = model.sample(5, random_state=7)
    >>> said = provenance(model)
    >>> said["method"], said["seed"], said["model"] == model.fingerprint()
    ('gaussian', 7, True)
    """
    said: dict[str, Any] = {"method": name_of(sampler), "model": sampler.fingerprint()}
    given = getattr(sampler, "sample_given_", None)
    if given is not None and "given" not in how:
        said["given"] = _few(given)
    if hasattr(sampler, "sample_seed_"):
        said["seed"] = sampler.sample_seed_
    return {
        **said,
        **how,
        "model_seed": sampler.seed_,
        "version": pushforward.__version__,
        "date": date.today().isoformat(),
    }


def write_samples(
    path: str | os.PathLike[str],
    X: Table,
    sampler: Sampler,
    how: Mapping[str, Any] | None = None,
    *,
    image_shape: tuple[int, ...] | None = None,
    value_range: tuple[float, float] | None = None,
) -> list[Path]:
    """Write what a sampler drew into a file that says so, and return the files written.

    .csv, .parquet, .npy, .npz, .png, or a folder of images; see `provenance` for what is said and
    `pf.inspect` for reading it back. Labels by which X was drawn are written with it.

    Args:
        path: its suffix picks the kind; one that ends in / is a folder, in which each image is a
            .png.
        X: what `sampler.sample` or `translate` gave.
        sampler: who drew it.
        how: what else the file is to say, by name.
        image_shape: `(h, w)` or `(h, w, c)` of rows that are images, where the sampler was fitted
            to them as rows and its note does not say.
        value_range: the values that are black and white in a .png; by default those of the note or
            of the training images.

    Raises:
        InputError: samples that the kind of file cannot hold.
        FileError: nothing can be written there.

    >>> import tempfile
    >>> import pushforward as pf
    >>> model = pf.Gaussian(random_state=0).fit([[0.0], [1.0], [3.0]])
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = write_samples(folder / "new.csv", model.sample(5), model)
    >>> [file.name for file in files]
    ['new.csv', 'new.csv.json']
    """
    labels = getattr(sampler, "sample_given_", None)
    conditions = getattr(sampler, "conditions_", None)
    if conditions is None:  # conditions on columns of X itself, which shows them
        labels = None
    elif labels is not None and not isinstance(labels, pd.DataFrame):
        labels = pd.DataFrame({conditions.columns[0]: labels})
    about, numbers = getattr(sampler, "about_", {}), sampler.encoding_.numbers
    image_shape = image_shape or about.get("image_shape")
    value_range = value_range or about.get("value_range")
    if value_range is None and sampler.encoding_.kind == "images" and numbers is not None:
        value_range = (float(numbers.low.min()), float(numbers.high.max()))
    return write(
        path,
        X,
        provenance(sampler, **(how or {})),
        labels=labels,
        image_shape=None if image_shape is None else tuple(image_shape),
        value_range=None if value_range is None else (value_range[0], value_range[1]),
    )


def figure_metadata(*samplers: Sampler, **how: Any) -> dict[str, str]:
    """What a .png of a figure is to say of the generated samples that it shows.

    For matplotlib: `figure.savefig("new.png", metadata=pf.figure_metadata(model))`.

    >>> import pushforward as pf
    >>> model = pf.Gaussian(random_state=0).fit([[0.0], [1.0], [3.0]])
    >>> list(figure_metadata(model))
    ['pushforward']
    """
    said: Mapping[str, Any] = {"figure": "it shows generated samples", **how}
    drawn = [provenance(sampler) for sampler in samplers]
    said = {**said, **drawn[0]} if len(drawn) == 1 else {**said, "models": drawn}
    return {KEY: as_text(said)}


def _few(given: Any) -> Any:
    """The conditions of all samples if they share them, or how many there are."""
    table = pd.DataFrame(given)
    different = table.drop_duplicates()
    if len(different) > 1:
        return f"{len(different)} different conditions"
    names = [str(name) for name in table]
    values = different.iloc[0].tolist()
    one = len(values) == 1 and not isinstance(given, pd.DataFrame)
    return values[0] if one else dict(zip(names, values, strict=True))
