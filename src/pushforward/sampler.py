"""The one contract: a sampler is a scikit-learn estimator with `fit` and `sample`."""

from __future__ import annotations

import inspect
import logging
import os
import secrets
import time
import warnings
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
    validate_data,
)

import pushforward
from pushforward.conditioning import Draw, Drawn, Law, rows_given
from pushforward.data.asked import length_of
from pushforward.data.columns import check_table
from pushforward.data.encoded_rows import EncodedRows, rows_to_learn_from
from pushforward.data.encoding import WIDEST, Encoding
from pushforward.data.event import Event
from pushforward.data.on_disk import RowsOnDisk, opened
from pushforward.errors import DataWarning, FileError, InputError
from pushforward.storage import digest, write_folder
from pushforward.training.distributed import together
from pushforward.uncopied import Uncopied

LOG = logging.getLogger("pushforward")
FORMAT, FORMAT_VERSION = "pushforward model", 2
CALIBRATION_ROWS = (4000, 40_000)  # draws by which categories get their shares, least and most
PER_CATEGORY = 50  # draws wanted of the rarest category
TRIED = 3  # rows that a model draws when it is loaded
CODE = {"$code": True}  # stands in a file for a parameter that is code


@runtime_checkable
class HasDensity(Protocol):
    """A sampler whose law has a density that can be evaluated."""

    def score_samples(self, X: Any) -> np.ndarray: ...


@runtime_checkable
class HasCodes(Protocol):
    """A sampler that encodes and decodes."""

    def transform(self, X: Any) -> np.ndarray: ...
    def inverse_transform(self, Z: np.ndarray) -> Any: ...


@dataclass(frozen=True)
class Effort:
    """What a fit may use beside its rows: held-out rows, time, a file to resume from, a seed."""

    rng: np.random.Generator
    validation: np.ndarray | None = None  # encoded, (n, width)
    deadline: float | None = None  # on the clock of time.monotonic()
    checkpoint: Path | None = None
    progress: bool = True
    every_column: bool = False  # of a second table too
    track: Any = None  # a `pushforward.training.tracking.Tracker`, told how training goes

    @property
    def time_is_up(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline


class Sampler(BaseEstimator, ABC):
    """Anything that has a law, learnt from rows or given by functions, and draws from it.

    A method implements `_fit` and `_draw` on the encoded matrix, and `_state` and `_restore` for
    what it has learnt; everything else is here, once. A law that is given by functions names its
    `_space` and works in the units of those functions.
    """

    kinds: ClassVar[dict[str, type[Sampler]]] = {}  # concrete samplers by class name, for loading
    takes: ClassVar[str] = ""  # what `fit` needs beside rows: "labels", or "other rows"
    numbers: ClassVar[str] = "standard"  # how those of a table are encoded, or "quantile"
    widest: ClassVar[int] = WIDEST  # encoded columns of a table, at most
    reads_disk: ClassVar[bool] = False  # whether rows may stay on disk (`pf.open_data`)

    random_state: int | np.random.Generator | np.random.RandomState | None
    about_: dict[str, Any]
    sample_copied_: dict[str, int] | None

    @property
    def stores_rows(self) -> bool:
        """Whether a saved model contains training rows."""
        return False

    @property
    def _drawn_encoding(self) -> Encoding:
        """Of the rows that `_draw` gives."""
        return self.encoding_

    def _space(self, X: Any) -> Encoding | None:  # noqa: ARG002
        """The space of a law that is given by functions; None where it is learnt from rows."""
        return None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Sampler.kinds[cls.__name__] = cls

    @abstractmethod
    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        """Learn from encoded rows, `(n, width)`."""

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n encoded rows."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """All that was learnt: a tree of plain values and arrays."""

    @abstractmethod
    def _restore(self, state: dict[str, Any]) -> None:
        """Take back what `_state` gave."""

    def _beside(
        self,
        y: Any,  # noqa: ARG002
        y_validation: Any,  # noqa: ARG002
        Z: np.ndarray,
        effort: Effort,
    ) -> tuple[np.ndarray, Effort]:
        """Take up what comes beside the rows, where the method `takes` anything.

        Returns the rows that `_fit` learns from, and its effort.
        """
        return Z, effort

    def fit(
        self,
        X: Any = None,
        y: Any = None,
        *,
        validation: Any = None,
        y_validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        budget: float | None = None,
        every_column: bool = False,
        track: Any = None,
        progress: bool = True,
    ) -> Self:
        """Learn the law of the rows of X.

        Args:
            X: an array `(n, p)`, a DataFrame, or images `(n, h, w)` or `(n, h, w, c)`; or what
                `pf.open_data` opens, which stays on disk, as does a memory-mapped array that is
                larger than what memory is free. A law that is given by functions needs none.
            y: the labels of the rows, or the rows of another domain, for a method that learns from
                them; any other ignores it, as scikit-learn's pipelines ask for.
            validation: held-out rows of the same kind, by which training stops; a neural sampler
                without them holds back a part of X.
            y_validation: what `y` is to X, to the held-out rows.
            checkpoint: a file to save training to, and to resume from when it is there.
            budget: seconds that the fit may take, tuning included.
            every_column: take a table whole, also columns that look like text or identifiers.
            track: `pf.TensorBoard(folder)`, `pf.MLflow(...)`, `pf.WandB(...)`, or an object with
                their methods, that is told settings and the learning curve of what is trained.
            progress: show a bar where there is a terminal.

        Raises:
            InputError: rows that cannot be learnt from; the message says what to do.
        """
        Z, effort = self._before(
            X,
            y,
            validation=validation,
            y_validation=y_validation,
            checkpoint=checkpoint,
            budget=budget,
            every_column=every_column,
            progress=progress,
        )
        if self.encoding_.width:
            self._fit(Z, replace(effort, track=track))
        return self._after(Z)

    def _before(
        self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        y_validation: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        budget: float | None = None,
        every_column: bool = False,
        progress: bool = True,
    ) -> tuple[np.ndarray, Effort]:
        """The encoded rows and what a fit may use beside them; arguments as of `fit`."""
        self.__dict__.pop("n_rows_", None)  # a fit that fails leaves no half of an earlier one
        X = opened(X)
        known = X if X is None else self._check(self._in_memory(X), reset=True)
        self.seed_ = self._fresh_seed()
        encoding = self._space(known)
        if encoding is None:
            if X is None:
                raise InputError(f"{type(self).__name__} learns from rows: give them, fit(X)")
            encoding = Encoding().fit(
                known, every_column=every_column, numbers=self.numbers, widest=self.widest
            )
        Z: Any
        if isinstance(X, RowsOnDisk):
            encoding.recount(X.counts)
            Z = EncodedRows(X, encoding)
            y = X.y if y is None and self.takes == "labels" else y
        else:
            Z = np.empty((0, encoding.width)) if X is None else encoding.transform(known)
        deadline = None if budget is None else time.monotonic() + _positive(budget, "budget")
        held = None
        self.encoding_ = encoding
        if validation is not None:
            held = encoding.transform(self._check(self._in_memory(opened(validation)), reset=False))
        self._fitted_to = X  # a reference, by which copies are known; see `__getstate__`
        path = None if checkpoint is None else Path(checkpoint)
        effort = Effort(
            np.random.default_rng(self.seed_), held, deadline, path, progress, every_column
        )
        return self._beside(y, y_validation, Z, effort)

    def _in_memory(self, X: Any) -> Any:
        """X as it is, or those of its rows on disk by which they are encoded."""
        if not isinstance(X, RowsOnDisk):
            return X
        if not self.reads_disk:
            raise InputError(
                f"{type(self).__name__} has all rows in memory, and these {len(X):,} are on disk "
                f"({X.name}): fit it to some, rows = pf.open_data(path).sample(10_000), or take a "
                "method that trains networks, such as pf.VAE"
            )
        known = rows_to_learn_from(X)
        LOG.info("%s: the encoding is learnt from %d of %d rows", X.name, len(known), len(X))
        return known

    def _fresh_seed(self) -> int:
        """The seed of a fit."""
        return fresh_seed(self.random_state)

    def _after(self, Z: np.ndarray) -> Self:
        """Make what was learnt draw categories in their shares, and call it fitted."""
        encoding = self.encoding_
        if encoding.width and encoding.shares:
            rarest = min(share[share > 0].min() for share in encoding.shares)
            n = int(np.clip(PER_CATEGORY / rarest, *CALIBRATION_ROWS))
            encoding.calibrate(self._draw(n, np.random.default_rng([self.seed_, 1])))
        self.n_rows_ = len(Z)
        return self

    def sample(
        self,
        n_samples: int | None = None,
        *,
        given: Any = None,
        random_state: Any = None,
        budget: float | None = None,
        reject_copies: Any = False,
    ) -> Any:
        """Draw `n_samples` new rows, of the kind that was fitted.

        Args:
            n_samples: how many; by default one, or one for each value of a list in `given`.
            given: conditions on columns, `{"city": "Bern", "age": (30, 40)}`: a value, a pair as a
                range with its ends (None leaves a side open), a set of these, None for a hole, or a
                list with one of these for each sample. Columns of an array go by their place.
            random_state: an integer repeats the draw; None draws fresh entropy.
            budget: seconds that drawing under conditions may take, a minute by default.
            reject_copies: draw again what would copy a training row. True knows them after `fit`,
                and where the model stores them; to a model that was loaded hand them in.

        Rows under conditions have the law of the sampler given that the conditions hold, exactly:
        by a law that is known, or by rejection. The seed that was used is kept in `sample_seed_`,
        what it took in `sample_acceptance_`, and how many copies were drawn in `sample_copied_`.

        Raises:
            InputError: `n_samples` is not a positive whole number, no row meets the conditions, or
                hardly one is no copy; `TooRare`, which is one, where too few meet the conditions
                for the budget.
        """
        n, rng = self._order(length_of(given) if n_samples is None else n_samples, random_state)
        uncopied = self._uncopied(reject_copies)
        if given is not None:
            drawn = self._sample_given(n, given, rng, self._draw, budget, uncopied)
            return drawn.decoded(self.encoding_, self.sample_seed_)
        draw = self._draw if uncopied is None else uncopied.kept(self._draw)
        Z = draw(n, rng) if self.encoding_.width else np.zeros((n, 0))
        return self.encoding_.inverse_transform(Z, seed=self.sample_seed_)

    def _uncopied(self, reject_copies: Any) -> Uncopied | None:
        """What draws copies again, by the training rows that are known or handed in."""
        if reject_copies is False or reject_copies is None:
            return None
        rows = None
        if reject_copies is not True:
            rows = self.encoding_.transform(self._check(reject_copies, reset=False))
        elif not isinstance(self.__dict__.get("_fitted_to"), (RowsOnDisk, type(None))):
            rows = self.encoding_.transform(self._fitted_to)
        else:
            rows = self._stored()
        if rows is None:
            raise InputError(
                f"reject_copies=True looks at the training rows, which this {type(self).__name__} "
                "does not have: hand them in, sample(..., reject_copies=rows)"
            )
        found = Uncopied(rows, self.encoding_)
        self.sample_copied_ = found.count
        return found

    def _sample_given(
        self,
        n: int,
        given: Any,
        rng: np.random.Generator,
        draw: Draw,
        budget: float | None,
        uncopied: Uncopied | None = None,
    ) -> Drawn:
        """n encoded rows of `draw` that meet conditions on columns."""
        if budget is not None:
            _positive(budget, "budget")
        law_given = self._law_given
        if uncopied is not None:
            draw, law_given = uncopied.kept(draw), partial(self._uncopied_law, uncopied)
        drawn = rows_given(n, given, rng, self.encoding_, draw, law_given, budget)
        self.sample_acceptance_ = drawn.acceptance
        return drawn

    def _uncopied_law(self, uncopied: Uncopied, event: Event) -> Law | None:
        law = self._law_given(event)
        return None if law is None else replace(law, draw=uncopied.kept(law.draw))

    def _law_given(self, event: Event) -> Law | None:  # noqa: ARG002
        """The law under conditions as far as it is known, None where all is left to rejection."""
        return None

    def _order(self, n_samples: int, random_state: Any) -> tuple[int, np.random.Generator]:
        """How many samples are asked for, and the randomness to draw them with."""
        check_is_fitted(self)
        if not is_whole(n_samples):
            raise InputError(f"expected n_samples to be a whole number, got {n_samples!r}")
        if n_samples < 1:
            raise InputError(f"expected n_samples to be at least 1, got {n_samples}")
        self.sample_seed_ = fresh_seed(random_state)
        self.sample_copied_ = None
        self.__dict__.pop("sample_acceptance_", None)  # that of an earlier draw
        return int(n_samples), np.random.default_rng(self.sample_seed_)

    def save(self, path: str | os.PathLike[str], *, about: dict[str, Any] | None = None) -> Path:
        """Write a model folder, safetensors and JSON, atomically; `pf.load_model` reads it.

        `about` is a note kept with the model, plain values, that comes back as `about_`. A card,
        CARD.md, says in words what the model is and what it is not for. A model that contains
        training rows says so in its description, and in a `DataWarning`. Of several processes that
        train together all call it, and the first writes.

        Raises:
            FileError: the folder cannot be written or holds something else.
        """
        check_is_fitted(self)
        if self.stores_rows:
            name = type(self).__name__
            message = (
                f"a saved {name} contains training rows: share it only where they may be shared"
            )
            warnings.warn(message, DataWarning, stacklevel=2)
        about, learnt = about or getattr(self, "about_", {}), dump(self)
        description = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "version": pushforward.__version__,
            "stores_training_rows": self.stores_rows,
            "seed": self.seed_,
            "rows": self.n_rows_,
            "data": _columns_in_words(self.encoding_),
            "about": about,
            "fingerprint": self.fingerprint(),
        }
        card = pushforward.model_card(self, about)
        write = partial(write_folder, Path(path), description | describe(self), learnt, card)
        processes = together()
        if processes is None:
            write()
        else:
            processes.by_first(write)
        return Path(path)

    def fingerprint(self) -> str:
        """SHA-256 of what was learnt, 64 hexadecimal digits; the same when saved and loaded.

        Files of samples name it, so that each can be traced to the model that drew it.
        """
        check_is_fitted(self)
        return digest({"class": type(self).__name__, "learnt": dump(self)})

    def _stored(self) -> np.ndarray | None:
        """The encoded training rows, where they are what was learnt."""
        return None

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_fitted_to", None)  # a copy of a model gives no training rows away
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_rows_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.target_tags.required = False
        return tags

    def _check(self, X: Any, *, reset: bool) -> Any:
        """X as an array or a frame with at least one row (two to fit), or a clear error."""
        least = 2 if reset else 1
        if isinstance(X, pd.DataFrame):
            check_table(X, "the table")
        else:
            finite: Any = {"ensure_all_finite": False, "allow_nd": True}
            return validate_data(self, X, reset=reset, ensure_min_samples=least, **finite)
        # What `sample` draws lacks the columns that were left out, and is known all the same.
        if reset or list(X.columns) != self.encoding_.columns:
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
        if len(X) < least or X.shape[1] == 0:
            raise InputError(
                f"expected a table of at least {least} sample(s) and 1 feature(s), "
                f"got {len(X)} sample(s) and {X.shape[1]} feature(s)"
            )
        return X


class DensitySampler(Sampler):
    """A sampler whose density can be evaluated."""

    @abstractmethod
    def _log_density(self, Z: np.ndarray) -> np.ndarray:
        """Log-density of encoded rows in the encoded space, nats."""

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-density of each row in the units of the data, nats, `(n,)`.

        Columns that never vary have no density and are left out of it.

        Raises:
            InputError: the data has categories or missing values, which have no common density.
        """
        check_is_fitted(self)
        X = self._check(X, reset=False)
        encoding = self.encoding_
        assert encoding.numbers is not None
        columns = X[encoding.columns] if isinstance(X, pd.DataFrame) else X
        holes = np.asarray(pd.isna(columns)).reshape(len(X), -1)
        # Else all columns are numbers; one that is always missing is left out.
        if encoding.discrete or holes[:, encoding.numbers.varying].any():
            raise InputError(
                "expected numbers without missing values: a table with categories or holes has no "
                "density; compare samples instead (pushforward.evaluate)"
            )
        if not encoding.width:
            return np.zeros(len(X))
        return self._log_density(encoding.transform(X)) - encoding.log_scale


def fresh_seed(random_state: Any) -> int:
    """A whole number that stands for `random_state`; None draws fresh entropy."""
    if random_state is None:
        return secrets.randbits(63)
    if is_whole(random_state):
        if random_state < 0:
            raise InputError(f"expected random_state to be at least 0, got {random_state}")
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    raise InputError(f"expected random_state to be a whole number or None, got {random_state!r}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither True nor False: a word like "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"expected {name} to be True or False, got {value!r}")


def is_whole(value: object) -> bool:
    """Whether a parameter is a whole number, and neither True nor 2.0."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _positive(value: float, name: str) -> float:
    if isinstance(value, (str, bool)) or not value > 0:
        raise InputError(f"expected {name} to be above 0, got {value!r}")
    return value


def _columns_in_words(encoding: Encoding) -> dict[str, Any]:
    shape = encoding.shape if encoding.kind != "frame" else (len(encoding.columns),)
    return {"kind": encoding.kind, "shape": list(shape), "columns": encoding.columns}


def describe(sampler: Sampler) -> dict[str, Any]:
    """A sampler's class and configuration as JSON; a sampler inside it is described in turn.

    What is neither plain nor a sampler is code: its name is kept, and `build` takes it again.
    """
    parameters = {}
    for name, value in sampler.get_params(deep=False).items():
        if name == "random_state" and not isinstance(value, (int, type(None))):
            value = sampler.seed_  # a generator cannot be written; what was drawn from it can
        parameters[name] = _plain(value)
    return {"class": type(sampler).__name__, "parameters": parameters}


def _plain(value: Any) -> Any:
    """A parameter as JSON can hold it."""
    if isinstance(value, Sampler):
        return {"$sampler": describe(value)}
    if isinstance(value, (np.ndarray, pd.Series, pd.DataFrame)):
        return {"$values": np.asarray(value).tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value]
        return CODE if CODE in items else items
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        named = {key: _plain(item) for key, item in value.items()}
        plain = not any(isinstance(item, dict) for item in named.values())
        return {"$dict": named} if plain else CODE
    return value if isinstance(value, (int, float, str, type(None))) else CODE


def build(description: Any, code: dict[str, Any] | None = None) -> Sampler:
    """The unfitted sampler that `describe` described, with its parameters that are code.

    Raises:
        InputError: its class is unknown here, or it needs other code than is given.
        FileError: it is no description that `describe` gives.
    """
    code = code or {}
    described = description if isinstance(description, dict) else {}
    name, parameters = described.get("class"), described.get("parameters")
    if not isinstance(name, str) or not isinstance(parameters, dict):
        raise FileError(
            f"expected a class and its parameters, got {name!r:.80} and {parameters!r:.80}"
        )
    kind = Sampler.kinds.get(name)
    if kind is None or inspect.isabstract(kind):
        raise InputError(
            f"the model is a {name:.80}, which is not known here; import the module "
            "that defines it, then load it again"
        )
    strange = sorted(set(parameters) - set(kind._get_param_names()))
    if strange:
        raise FileError(
            f"a {name} has no parameter {strange[0]!r:.80}; "
            f"it has {', '.join(kind._get_param_names())}"
        )
    needed = {key for key, value in parameters.items() if value == CODE}
    if needed != set(code):
        asked = ", ".join(f"{key}=..." for key in sorted(needed))
        raise InputError(
            f"this {name} was fitted with code, which is never written to a file: "
            f"hand it in again, load_model(path, {asked})"
            if needed
            else f"this {name} takes no code, got {', '.join(sorted(code))}"
        )
    plain = {key: _parameter(key, value) for key, value in parameters.items() if key not in needed}
    return kind(**(plain | code))


def _parameter(name: str, value: Any) -> Any:
    """A parameter as it was before `_plain` wrote it."""
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            raise FileError(f"expected plain values in the parameter {name}, got {value!r:.80}")
        return tuple(value)
    if not isinstance(value, dict):
        return value
    match value:
        case {"$sampler": described, **more} if not more:
            return build(described)
        case {"$dict": dict(named), **more} if not more:
            return named
        case {"$values": list(values), **more} if not more:
            with suppress(ValueError):  # of lists of other lengths
                array = np.array(values)
                if array.dtype.kind in "biufU":
                    return array
    raise FileError(f"expected a plain value as the parameter {name}, got {value!r:.80}")


def dump(sampler: Sampler) -> dict[str, Any]:
    """What a fitted sampler has learnt, as a tree that `restore` takes back."""
    learnt = sampler._state() if sampler.encoding_.width else {}
    names = getattr(sampler, "feature_names_in_", None)
    return {
        "encoding": sampler.encoding_.to_dict(),
        "seed": sampler.seed_,
        "rows": sampler.n_rows_,
        "n_features_in": getattr(sampler, "n_features_in_", None),
        "feature_names_in": None if names is None else list(names),
        "learnt": learnt,
    }


def restore(sampler: Sampler, tree: dict[str, Any]) -> Sampler:
    """Fit a sampler with what `dump` kept.

    Raises:
        FileError: it is of another kind; other errors where it does not fit together.
    """
    names = tree["feature_names_in"]
    n_features = 0 if tree["n_features_in"] is None else tree["n_features_in"]
    whole = (tree["seed"], tree["rows"], n_features)
    if not all(is_whole(value) and 0 <= value < 2**63 for value in whole):
        raise FileError(f"expected a seed and numbers of rows and features, got {whole!r:.80}")
    words = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if names is not None and not words:
        raise FileError(f"expected names of features, got {names!r:.80}")
    sampler.encoding_ = Encoding.from_dict(tree["encoding"])
    sampler.seed_ = tree["seed"]
    if tree["n_features_in"] is not None:
        sampler.n_features_in_ = tree["n_features_in"]
    if names is not None:
        sampler.feature_names_in_ = np.array(names, dtype=object)
    if sampler.encoding_.width:
        sampler._restore(tree["learnt"])
    sampler.n_rows_ = tree["rows"]
    return sampler


def try_out(sampler: Sampler) -> None:
    """Use a sampler from a file once, so that what does not fit together is found at once.

    Raises:
        FileError: it draws something else than its encoding expects; other errors, as they come.
    """
    encoding = sampler._drawn_encoding
    width = encoding.width
    Z = sampler._draw(TRIED, np.random.default_rng(0)) if width else np.zeros((TRIED, 0))
    if np.shape(Z) != (TRIED, width) or not np.isfinite(Z).all():
        raise FileError(f"expected to draw finite rows of {width} numbers, got {np.shape(Z)}")
    X = encoding.inverse_transform(Z)
    if encoding is not sampler.encoding_:
        return  # rows of another domain, which have no density or codes here
    with suppress(InputError):  # e.g. that rows with holes have no density
        if isinstance(sampler, HasDensity):
            sampler.score_samples(X)
        if isinstance(sampler, HasCodes):
            sampler.transform(X)
