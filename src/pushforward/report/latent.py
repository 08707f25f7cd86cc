"""Pictures of codes: the latent space as a plane, coloured by what is known of the rows."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from pushforward.errors import InputError
from pushforward.report.style import CARD, MUTED, new_figure, styled

CLASSES = 10  # that colours and digits tell apart
# Okabe & Ito 2008, told apart by everyone, and two greys.
COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#56b4e9",
    "#b8a900",
    "#111111",
    "#8c8c8c",
    "#6f4fb0",
)


def plane(codes: NDArray, by: str = "pca") -> tuple[NDArray, tuple[str, str]]:
    """Codes `(n, k)` as points of a plane `(n, 2)`, and the names of its axes.

    "pca" takes the two leading principal components, and two-dimensional codes as they are; "umap"
    McInnes et al. 2018, arXiv:1802.03426, with a fixed seed, whose distances between far points
    mean little.

    Raises:
        InputError: another word, fewer rows than it takes, or umap-learn is not installed.

    >>> plane(np.random.default_rng(0).normal(size=(50, 6)))[0].shape
    (50, 2)
    """
    codes = np.asarray(codes, dtype=float)
    if by not in ("pca", "umap"):
        raise InputError(f"expected by among 'pca', 'umap', got {by!r}")
    if codes.ndim != 2 or len(codes) < 3 or codes.shape[1] == 0:
        raise InputError(f"expected codes (n, k) of at least 3 rows, got {np.shape(codes)}")
    if by == "umap":
        return _umap(codes), ("UMAP 1", "UMAP 2")
    if codes.shape[1] == 2:
        return codes, ("z₁", "z₂")
    if codes.shape[1] == 1:
        return np.hstack([codes, np.zeros_like(codes)]), ("z₁", "")
    pca = PCA(2, svd_solver="full").fit(codes)
    first, second = (f"{share:.0%}" for share in pca.explained_variance_ratio_)
    return pca.transform(codes), (f"component 1 ({first})", f"component 2 ({second})")


def _umap(codes: NDArray) -> NDArray:
    try:
        umap = importlib.import_module("umap")
    except ImportError as error:
        raise InputError(
            "by='umap' needs the package umap-learn, which is not installed: pip install "
            "umap-learn, or take by='pca'"
        ) from error
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_jobs value")  # a seed means one thread: as wanted
        reducer = umap.UMAP(random_state=0, n_neighbors=min(15, len(codes) - 1))
        return np.asarray(reducer.fit_transform(codes), dtype=float)


@styled
def codes_by_class(
    codes: NDArray, labels: Any = None, *, by: str = "pca", title: str = ""
) -> Figure:
    """Codes `(n, k)` as a scatter plot, coloured by `labels` `(n,)`: at most ten different ones.

    The name of each class stands at the median of its points.

    Raises:
        InputError: labels of another number or of more than ten classes; as `plane` does.

    >>> codes = np.random.default_rng(0).normal(size=(50, 6))
    >>> len(codes_by_class(codes, codes[:, 0] > 0).axes)
    1
    """
    points, names = plane(codes, by)
    values = np.zeros(len(points)) if labels is None else np.asarray(labels)
    if values.shape != (len(points),):
        raise InputError(f"expected a label for each of {len(points)} rows, got {values.shape}")
    classes = np.unique(values)
    if len(classes) > CLASSES:
        raise InputError(f"expected at most {CLASSES} classes, got {len(classes)}; group them")
    figure = new_figure(CARD, CARD)
    axes = figure.subplots()
    for value, colour in zip(classes, COLOURS, strict=False):
        theirs = points[values == value]
        axes.plot(*theirs.T, "o", ms=2.2, color=MUTED if labels is None else colour, mew=0)
        if labels is not None:
            box = {"facecolor": "white", "edgecolor": colour, "pad": 1.5, "alpha": 0.85}
            x, y = np.median(theirs, axis=0)
            axes.text(x, y, str(value), ha="center", va="center", fontsize=9, bbox=box)
    axes.set(xticks=[], yticks=[], xlabel=names[0], ylabel=names[1], title=title)
    return figure
