"""The report of one model: what it does to images that it has not seen, in one page."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

import pushforward
from pushforward.data.files import as_text
from pushforward.errors import InputError
from pushforward.evaluation.features import FeatureMap, feature_map, feature_name
from pushforward.methods import METHODS, name_of
from pushforward.models.neural import NeuralSampler
from pushforward.models.super_resolution import SuperResolution
from pushforward.models.two_domains import TwoDomainSampler
from pushforward.report.before_after import Changes
from pushforward.report.enlargements import enlargements
from pushforward.report.html import template
from pushforward.report.pictures import Picture, learning
from pushforward.report.telling import pixels
from pushforward.report.translations import translations
from pushforward.sampler import Sampler
from pushforward.storage import write_atomically
from pushforward.training.diagnosis import Finding, diagnose

MOST = 1000  # images of each set: more make it slow and hardly surer
KINDS = "cycle-gan, shared-autoencoder, sim-gan and super-resolution"


def write_model_report(
    path: str | os.PathLike[str],
    model: Sampler,
    X: Any,
    y: Any = None,
    *,
    features: FeatureMap | str | None = None,
    name: str = "",
) -> Path:
    """Write a page that shows what a model does to held-out images, and what can be measured of it.

    For models that change images: translators and refiners, fitted to two sets, and
    super-resolution. Images are drawn from X and y with a fixed seed, at most 1000 of each.

    Args:
        path: the .html file.
        model: a fitted one.
        X: images `(n, h, w[, c])` that it has not seen: of the first set, or large ones.
        y: images of the second set, for a model of two.
        features: what classifiers compare images by, as in `pf.evaluate`; None takes pixels.
        name: what the page calls the held-out images.

    Raises:
        InputError: a model of another kind, or images unlike those that it was fitted to.
        FileError: the file cannot be written.

    >>> import tempfile
    >>> import pushforward as pf
    >>> X = np.random.default_rng(0).random((40, 16, 16))
    >>> model = pf.SuperResolution(width=4, blocks=1, max_rounds=5, random_state=0).fit(X[:20])
    >>> write_model_report(Path(tempfile.mkdtemp()) / "small.html", model, X[20:]).name
    'small.html'
    """
    if Path(path).suffix.lower() != ".html":
        raise InputError(f"expected an .html file to write the report to, got {path}")
    page = render_model(model, X, y, features=features, name=name)
    write_atomically(Path(path), page.encode())
    return Path(path)


def render_model(model: Sampler, X: Any, y: Any, *, features: Any = None, name: str = "") -> str:
    """The page of a model and held-out images."""
    if not isinstance(model, TwoDomainSampler | SuperResolution):
        raise InputError(
            f"expected a model that changes images ({KINDS}), got {name_of(model)}, which draws "
            "new ones: hold what it draws against real ones, pushforward sample and evaluate"
        )
    two = isinstance(model, TwoDomainSampler)
    if two != (y is not None):
        raise InputError(
            f"{name_of(model)} was fitted to two sets: give held-out images of the second too"
            if two
            else f"{name_of(model)} was fitted to one set of images; leave the second out"
        )
    X, y = _some(X), None if y is None else _some(y)
    learnt = str(features).partition(":")[0] in ("pca", "standardised")
    if learnt and two and model.encoding_.shape != model.other_encoding_.shape:
        raise InputError(
            f"{features} is learnt from images of one size, and this model has two: leave features "
            "out, or take inception:FILE"
        )
    see = pixels if features is None else feature_map(features, X)
    if isinstance(model, TwoDomainSampler):
        changes = translations(model, X, y, see)
    else:
        changes = enlargements(model, X, see)
    return template("model.html.j2").render(
        changes=changes,
        ways=[(way, way.pictures()) for way in changes.ways],
        facts=_facts(model, X, y, name, see),
        learning=_learning(model),
        findings=_findings(model, changes),
        origin=_origin(model, name),
        version=pushforward.__version__,
        method=name_of(model),
    )


def _some(X: Any) -> Any:
    """Images in an order of their own, as a folder's are sorted by label; at most a thousand."""
    images = np.asarray(X)
    if images.ndim < 3:
        raise InputError(f"expected held-out images (n, h, w) or (n, h, w, c), got {images.shape}")
    return images[np.random.default_rng(0).permutation(len(images))[:MOST]]


def _facts(model: Any, X: Any, y: Any, name: str, see: Any) -> list[tuple[str, str]]:
    about = getattr(model, "about_", {})
    method = name_of(model)
    paper = METHODS[method].paper if method in METHODS else ""
    fitted = [about.get("data"), about.get("other", {}).get("data")]
    names = " and ".join(str(n) for n in fitted if n)
    facts = [("Method", f"{method}; {paper}" if paper else method)]
    facts.append(("Fitted to", f"{names + ', ' if names else ''}{model.n_rows_:,} images"))
    many = f"{len(X):,}" if y is None else f"{len(X):,} and {len(y):,}"
    facts.append(("Held out", f"{name + ', ' if name else ''}{many} images"))
    facts.append(("Size", "×".join(map(str, model.encoding_.shape))))
    facts.append(("Rounds", f"{model.n_rounds_:,}; that of {model.best_round_:,} was kept"))
    facts.append(("Compared by", feature_name(see)))
    return facts


def _learning(model: NeuralSampler | Any) -> Picture | None:
    scores = [[r, s] for r, s in model.scores_ if math.isfinite(s)]
    curve = {"terms": model.history_, "scores": scores}
    return learning([{"curve": curve, "best_round": model.best_round_}])


def _findings(model: Any, changes: Changes) -> list[Finding]:
    """What its curve says, as `fit` does, and what held-out images do."""
    # A file does not say why training stopped; whether a budget was spent cannot be seen from it.
    by_rounds = "max_rounds" if model.n_rounds_ >= model.max_rounds else "score"
    found = diagnose(
        model.history_,
        [score for score in model.scores_ if score[0] >= model._scored_from],
        stopped_by=getattr(model, "stopped_by_", by_rounds),
        best_round=model.best_round_,
        rounds=model.n_rounds_,
    )
    return [*found, *changes.findings]


def _origin(model: Sampler, name: str) -> str:
    """What the page says of itself to a machine."""
    return as_text(
        {
            "report": "its pictures show generated images beside real ones",
            "data": name or "held-out images",
            "methods": [name_of(model)],
            "model": model.fingerprint(),
            "seed": model.seed_,
            "version": pushforward.__version__,
        }
    )
