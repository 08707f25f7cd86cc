"""One trial: a method is fitted to one split, draws a sample, and is judged on the test rows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

import pushforward
from pushforward.card import scores_for_card
from pushforward.data.dataset import Dataset, labels_by_name
from pushforward.data.files import write_samples
from pushforward.data.split import Split
from pushforward.errors import (
    Diverged,
    EvaluationWarning,
    FileError,
    PushforwardError,
    TrainingWarning,
)
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.evaluation.evaluate import row_scores
from pushforward.evaluation.features import FeatureMap, Standardised, pixels
from pushforward.evaluation.labels import label_agreement
from pushforward.evaluation.scores import Evaluation
from pushforward.evaluation.verdict import notes, verdict
from pushforward.methods import get_method
from pushforward.models.conditional import ConditionalSampler
from pushforward.models.latent import LatentSampler
from pushforward.models.neural import NeuralSampler
from pushforward.safekeeping import discard
from pushforward.sampler import Sampler
from pushforward.storage import replacing
from pushforward.study.folder import short_hash
from pushforward.study.judged_table import judge_table
from pushforward.study.plan import REAL, Trial, derived
from pushforward.study.population import fit_begun

OVER_BUDGET = 1.5  # a fit that takes this much of its budget is named, not ranked
JUDGED_ROWS = 4000  # test rows, and as many samples: neighbours take time with their square
NEIGHBOURS_SHOWN = 8
WAYS, STEPS = 4, 6  # between two test images, and images on each, for the report
ROWS_KEPT = 5000  # of a sample, for the report
PER_CLASS = 100  # rows that are drawn for each class
MOST_CLASSES, PER_CLASS_LEARNT = 100, 20  # that a classifier of images learns, and images of each
MISSED = 0.1  # so much less often than real rows, rows drawn by label are taken for their class
FAILURES = (PushforwardError, ValueError, ArithmeticError, MemoryError, RuntimeError)


@dataclass(frozen=True)
class Fitted:
    """What a trial's method became in a population with its other repeats."""

    sampler: Sampler | None  # None: it diverged
    reason: str  # why, then
    seconds: float  # its share
    notes: list[str]
    members: int


def run_together(
    trials: Sequence[Trial], dataset: Dataset, folder: Path, keep_real: bool
) -> list[dict[str, Any]]:
    """Run the repeats of one method, trained as one population where it is a neural one.

    Each repeat has the rows of its own split, its seed and its share of the time: a budget for all
    is as many times that of one.

    Raises:
        FileError: the run folder cannot be written, which no other trial would survive either.
    """
    fitted: Sequence[Fitted | None] = [None] * len(trials)
    if len(trials) > 1:
        try:
            fitted = _fit_together(trials, dataset, folder)
        except FileError:
            raise
        except FAILURES:  # each repeat fits alone and says in its own row what is wrong
            pass
    return [
        run_trial(trial, dataset, folder, keep_real, found)
        for trial, found in zip(trials, fitted, strict=True)
    ]


def _fit_together(trials: Sequence[Trial], dataset: Dataset, folder: Path) -> list[Fitted]:
    # By their hashes: one that a killed study left is not taken for that of other options.
    name = f"{trials[0].method}-{short_hash([trial.hash for trial in trials])}"
    checkpoint = folder / "checkpoints" / f"{name}.safetensors"
    began = time.monotonic()
    budget = trials[0].budget
    begun = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for trial in trials:
            parts, sampler = trial.split(dataset), unfitted(trial)
            assert isinstance(sampler, NeuralSampler)
            Z, effort = sampler._before(
                dataset.as_samples(parts.train),
                labels_by_name(parts.y_train, dataset.label),
                validation=dataset.as_samples(parts.validation),
                y_validation=labels_by_name(parts.y_validation, dataset.label),
                checkpoint=checkpoint,
                budget=None if budget is None else budget * len(trials),
                every_column=True,
                progress=False,
            )
            begun.append((sampler, Z, effort))
        population = fit_begun(begun)
    discard(checkpoint)
    seconds = (time.monotonic() - began) / len(trials)
    # A divergence is said in the status of its own row.
    notes = sorted({str(w.message) for w in caught if w.category is not TrainingWarning})
    return [
        Fitted(member, population.diverged.get(k, ""), seconds, notes, len(trials))
        for k, member in enumerate(population)
    ]


def run_trial(
    trial: Trial, dataset: Dataset, folder: Path, keep_real: bool, fitted: Fitted | None = None
) -> dict[str, Any]:
    """Run a trial to its row of results; a failure is a row with a name, not an exception.

    What a population has fitted is not fitted again.

    Raises:
        FileError: the run folder cannot be written, which no other trial would survive either.
    """
    parts = trial.split(dataset)
    row: dict[str, Any] = {
        "method": trial.method,
        "repeat": trial.repeat,
        "kind": trial.kind,
        "seed": trial.fit_seed,
        "hash": trial.hash,
        "options": trial.options,
        "sizes": parts.sizes,
        "fresh_draws": trial.fresh_draws(dataset),
        "seconds": 0.0,
        "scores": {},
        "status": "OK",
        "reason": "",
        "notes": [],
        "diagnosis": [],
    }
    began = time.monotonic()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if trial.method == REAL:
                yardstick = parts.yardstick[:JUDGED_ROWS]
                _judge(row, trial, dataset, parts, yardstick, None, folder, keep_real)
            else:
                _fit_and_judge(row, trial, dataset, parts, folder, keep_real, fitted)
        row["notes"] += sorted({str(w.message) for w in caught if _worth_saying(w)})
    except FileError:
        raise
    except Diverged as error:
        row |= {"status": "DIVERGED", "reason": str(error), "scores": {}}
    except FAILURES as error:
        what = str(error) or type(error).__name__
        row |= {"status": "FAILED", "reason": what, "scores": {}}
    row["seconds"] = row["seconds"] or time.monotonic() - began
    return row


def _worth_saying(warning: warnings.WarningMessage) -> bool:
    return issubclass(warning.category, UserWarning)


def _fit_and_judge(
    row: dict[str, Any],
    trial: Trial,
    dataset: Dataset,
    parts: Split,
    folder: Path,
    keep_real: bool,
    fitted: Fitted | None,
) -> None:
    checkpoint = folder / "checkpoints" / f"{trial.name}-{trial.hash}.safetensors"
    if fitted is None:
        sampler = unfitted(trial)
        began = time.monotonic()
        sampler.fit(
            dataset.as_samples(parts.train),
            labels_by_name(parts.y_train, dataset.label),
            validation=dataset.as_samples(parts.validation),
            y_validation=labels_by_name(parts.y_validation, dataset.label),
            checkpoint=checkpoint,
            budget=trial.budget,
            every_column=True,  # they were chosen once, on the whole table
            progress=False,  # the comparison shows its own
        )
        row["seconds"] = time.monotonic() - began
    else:
        row |= {"seconds": fitted.seconds, "together": fitted.members, "notes": fitted.notes}
        if fitted.sampler is None:
            raise Diverged(fitted.reason)
        sampler = fitted.sampler
    row["rounds"] = getattr(sampler, "n_rounds_", None)
    row["best_round"] = getattr(sampler, "best_round_", None)
    row["stopped_by"] = getattr(sampler, "stopped_by_", None)
    if not trial.searches:  # hundreds of curves are read by nobody
        row["curve"] = {
            "terms": getattr(sampler, "history_", []),
            "scores": [list(point) for point in getattr(sampler, "scores_", [])],
        }
    row["diagnosis"] = [found._asdict() for found in getattr(sampler, "diagnosis_", [])]
    row["parameters"] = {k: str(v) for k, v in sampler.get_params(deep=False).items()}
    row["stores_training_rows"] = sampler.stores_rows
    n = min(len(parts.test), JUDGED_ROWS)
    fake = dataset.as_rows(sampler.sample(n, random_state=trial.fit_seed))
    _judge(row, trial, dataset, parts, fake, sampler, folder, keep_real)
    if not trial.searches:
        _keep(row, trial, dataset, parts, sampler, folder, keep_real)
    discard(checkpoint)
    if row["status"] == "OK":  # what the sample shows comes before how the fit ended
        row |= _how_it_ended(row, trial.budget)


def _keep(
    row: dict[str, Any],
    trial: Trial,
    dataset: Dataset,
    parts: Split,
    sampler: Sampler,
    folder: Path,
    keep_real: bool,
) -> None:
    """What a fit leaves behind beside its row: its model, and what the report shows of it."""
    if keep_real and trial.repeat == 0 and dataset.image_shape is not None:
        _keep_ways(folder / "samples", trial.name, dataset, parts, sampler)
    if isinstance(sampler, ConditionalSampler) and not sampler.conditions_.continuous:
        _judge_labels(row, dataset, parts, sampler, feature_map(trial, dataset, parts, folder))
    if keep_real or not _copies(row, sampler):
        about = {"method": trial.method, "data": dataset.name, "compared": scores_for_card(row)}
        sampler.save(folder / "models" / trial.name, about=about)


def unfitted(trial: Trial) -> Sampler:
    """The sampler that a trial fits."""
    sampler = get_method(trial.method).make(**trial.options, random_state=trial.fit_seed)
    if trial.max_rounds is not None and "max_rounds" in sampler.get_params():
        sampler.set_params(max_rounds=trial.max_rounds)
    return sampler


def _how_it_ended(row: dict[str, Any], budget: float | None) -> dict[str, str]:
    if row["stopped_by"] == "divergence":
        reason = "training diverged; what is scored is the best state before"
        return {"status": "DIVERGED", "reason": reason}
    if budget is not None and row["seconds"] > OVER_BUDGET * budget + 1:
        reason = f"the fit took {row['seconds']:.0f} s of a budget of {budget:.0f} s; "
        return {"status": "OUT_OF_BUDGET", "reason": reason + "give it more, or fewer rows"}
    return {}


def _judge(
    row: dict[str, Any],
    trial: Trial,
    dataset: Dataset,
    parts: Split,
    fake: Any,
    sampler: Sampler | None,
    folder: Path,
    keep_real: bool,
) -> None:
    """Score a sample against the test rows, and keep what the report will draw."""
    features = feature_map(trial, dataset, parts, folder)
    test = parts.test[:JUDGED_ROWS]

    def score(by: FeatureMap) -> Evaluation:
        train = None if sampler is None else parts.train
        with warnings.catch_warnings():
            # The report shows the expected bias beside every Fréchet distance, so says it once.
            warnings.simplefilter("ignore", EvaluationWarning)
            return row_scores(test, fake, train, dataset.source, features=by)

    evaluation = score(features)
    row["scores"] = evaluation.to_dict()
    if dataset.are_images and features is not pixels:
        row["scores_by_pixels"] = score(pixels).to_dict()
    if sampler is not None:  # real rows are what the verdict is measured against
        found = verdict(evaluation)
        row["status"], row["reason"] = found.name, found.reason
        row["diagnosis"] += [note._asdict() for note in notes(evaluation)]
    if isinstance(fake, pd.DataFrame) and not trial.searches:
        judge_table(row, trial, dataset, parts, (test, fake), sampler)
    if trial.also is not None:
        row["scores"] |= Evaluation(trial.also(fake, parts, dataset, sampler)).to_dict()
    if trial.searches:
        return
    provenance = {
        "method": trial.method,
        "seed": trial.fit_seed,
        "version": pushforward.__version__,
    }
    if sampler is not None:
        provenance |= {"model": sampler.fingerprint()}
    samples = folder / "samples"
    if sampler is not None and (keep_real or not _copies(row, sampler)):
        write_samples(_file(samples, trial.name, fake), fake[:ROWS_KEPT], provenance)
    if not keep_real:
        return
    if sampler is None:
        _keep_real(samples, f"test-{trial.repeat}", parts.test[:ROWS_KEPT])
        _keep_real(samples, trial.name, fake[:ROWS_KEPT])
    elif trial.repeat == 0:
        by = pixels if dataset.image_shape is not None else features
        chosen = _nearest_rows(by, fake[:NEIGHBOURS_SHOWN], parts.train)
        _keep_real(samples, f"{trial.name}-nearest", chosen)


def _judge_labels(
    row: dict[str, Any],
    dataset: Dataset,
    parts: Split,
    sampler: ConditionalSampler,
    features: FeatureMap,
) -> None:
    """Ask for each class, and see whether what comes looks like it."""
    test, labels = parts.test[:JUDGED_ROWS], parts.y_test
    assert labels is not None  # of a data set with labels
    y_train, y_test = _joined(parts.y_train), _joined(labels)[:JUDGED_ROWS]
    seen = np.isin(y_test, y_train)
    if not seen.any():
        return
    _, first = np.unique(y_test[seen], return_index=True)
    index = np.flatnonzero(seen)[first].repeat(PER_CLASS)
    given = labels.iloc[index] if isinstance(labels, pd.DataFrame) else labels[index]
    fake = dataset.as_rows(sampler.sample(given=given, random_state=row["seed"]))
    known = features(test)[seen]
    found = label_agreement(
        features(parts.train), y_train, known, y_test[seen], features(fake), y_test[index]
    )
    row["labels"] = found._asdict()
    if found.mean < found.mean_of_real - MISSED:
        worst = int(np.argmin(found.generated))
        sentence = (
            f"Of rows drawn for a class, {found.mean:.0%} look like it to a classifier that is "
            f"right on {found.mean_of_real:.0%} of real rows; the worst is "
            f"{found.classes[worst]!r} with {found.generated[worst]:.0%}. Give it more rounds, "
            "larger networks, or more rows of the classes that are missed."
        )
        row["diagnosis"].append({"name": "LABELS_MISSED", "sentence": sentence})


def _keep_ways(samples: Path, name: str, dataset: Dataset, parts: Split, sampler: Sampler) -> None:
    """From one test image to another through the codes of a latent model, for the report.

    Each way has the real images at its ends, beside what their codes are decoded to.
    """
    if not isinstance(sampler, LatentSampler) or len(parts.test) < 2 * WAYS:
        return
    a, b = parts.test[:WAYS], parts.test[WAYS : 2 * WAYS]
    under: dict[str, Any] = {}
    if isinstance(sampler, ConditionalSampler):  # the label of the image that a way begins with
        under["given"] = np.repeat(np.asarray(parts.y_test)[:WAYS], STEPS, axis=0)
    images = sampler.interpolate(dataset.as_samples(a), dataset.as_samples(b), STEPS, **under)
    between = dataset.as_rows(images).reshape(WAYS, STEPS, -1)
    ways = np.concatenate([a[:, None], between, b[:, None]], axis=1)
    _keep_real(samples, f"{name}-ways", ways.reshape(WAYS * (STEPS + 2), -1))


def _joined(y: Any) -> NDArray:
    """Labels as text, those of several columns as one."""
    if isinstance(y, pd.DataFrame):
        return y.astype(str).agg(" × ".join, axis=1).to_numpy(dtype=str)
    return np.asarray(y, dtype=str)


def feature_map(trial: Trial, dataset: Dataset, parts: Split, folder: Path) -> FeatureMap:
    """What rows are compared by: standardised numbers, pixels, or what a classifier sees in images.

    The classifier learns the labels of the training rows; it is kept in the run folder, and its
    name in every score. Where images have no labels it could learn, they are compared by pixels.
    """
    if dataset.image_shape is None:
        return Standardised(parts.train, every_column=True)
    if not classifiable(dataset):
        return pixels
    # In a study all are compared by one, that of the search, which never saw the test rows.
    which = "search" if trial.held_out else str(trial.repeat)
    if trial.held_out:
        trial = replace(trial, kind="search")
        parts = trial.split(dataset)
    path = folder / "features" / f"classifier-{which}"
    if path.is_dir():
        classifier = ClassifierFeatures.load(path)
    else:
        images = dataset.as_samples(parts.train)
        of = "the search" if trial.held_out else f"repeat {trial.repeat + 1}"
        name = f"{dataset.name}, training rows of {of}"
        repeat = 0 if trial.held_out else trial.repeat
        seed = derived(trial.seed, repeat, "features")
        classifier = ClassifierFeatures.fit(images, parts.y_train, name, random_state=seed)
        classifier.save(path)
    return Seen(dataset, classifier)


def learn_features(trials: Sequence[Trial], dataset: Dataset, path: Path) -> None:
    """The classifier of each repeat by whose features images are compared, before any needs it."""
    if classifiable(dataset):
        for trial in {trial.repeat: trial for trial in trials}.values():
            feature_map(trial, dataset, trial.split(dataset), path)


class Seen:
    """The features of a classifier of images, for rows."""

    def __init__(self, dataset: Dataset, classifier: ClassifierFeatures) -> None:
        self.dataset, self.classifier, self.name = dataset, classifier, classifier.name

    def __call__(self, rows: Any) -> Any:
        return self.classifier(self.dataset.as_samples(rows))


def classifiable(dataset: Dataset) -> bool:
    """Whether images have labels that a classifier can learn: one column, few classes, all seen."""
    y = dataset.y
    if not dataset.are_images or y is None or isinstance(y, pd.DataFrame):
        return False
    _, counts = np.unique(np.asarray(y, dtype=str), return_counts=True)
    return 2 <= len(counts) <= MOST_CLASSES and len(y) >= PER_CLASS_LEARNT * len(counts)


def _copies(row: dict[str, Any], sampler: Sampler) -> bool:
    """Whether the model and its samples are, in part, real rows."""
    return sampler.stores_rows or row["status"] == "COPYING"


def _nearest_rows(features: FeatureMap, fake: Any, train: Any) -> Any:
    """The training row nearest to each generated one."""
    index = cdist(features(fake), features(train)).argmin(1)
    return train.iloc[index] if isinstance(train, pd.DataFrame) else train[index]


def _file(folder: Path, name: str, X: Any) -> Path:
    return folder / (name + (".parquet" if isinstance(X, pd.DataFrame) else ".npz"))


def _keep_real(folder: Path, name: str, X: Any) -> None:
    """Real rows beside the samples, for the report; they do not pass as generated."""
    with replacing(_file(folder, name, X)) as file:
        if isinstance(X, pd.DataFrame):
            X.to_parquet(file, index=False)
        else:
            np.savez(file, X=X)
