"""What samplers that draw by label share: they learn the law of rows given conditions."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from dataclasses import replace
from functools import partial, reduce
from operator import add
from typing import Any, ClassVar

import numpy as np

from pushforward.data.asked import by_sample, is_column, length_of
from pushforward.data.conditions import Conditions
from pushforward.data.encoded_rows import side_by_side
from pushforward.drawing import BUDGET
from pushforward.errors import InputError
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import Effort
from pushforward.uncopied import Uncopied


class ConditionalSampler(NeuralSampler):
    """A neural sampler of x given y: it trains on rows (x, c), c the encoded conditions.

    A method draws rows for conditions (`_generate_given`); its game's batches have p + q columns.
    """

    takes: ClassVar[str] = "labels"

    conditions_: Conditions

    @abstractmethod
    def _generate_given(self, C: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An encoded row for each of the encoded conditions `(n, q)`."""

    @property
    def stores_rows(self) -> bool:
        """Continuous conditions of training rows are kept, to draw from where none are given."""
        return hasattr(self, "conditions_") and bool(self.conditions_.continuous)

    def sample(
        self,
        n_samples: int | None = None,
        *,
        given: Any = None,
        random_state: Any = None,
        budget: float | None = None,
        reject_copies: Any = False,
    ) -> Any:
        """Draw new rows, of the kind that was fitted, under conditions.

        Args:
            n_samples: how many; by default one, or one for each of the conditions.
            given: a label, or one for each sample; with several columns a value of each by name,
                `{"city": "Bern", "age": 40}`, or an array or table of them. A set is one of its
                values and a pair a range, as often as training rows have each. Columns that are not
                given are drawn from training rows that agree with those that are. None draws all
                conditions as often as they occurred in training. Columns of the rows themselves may
                be named as well: these conditions are met by rejection.
            random_state: an integer repeats the draw.
            budget: seconds that rejection may take, a minute by default.
            reject_copies: draw again, under its condition, what would copy a training row, as
                `Sampler.sample` does.

        The conditions that were used are kept in `sample_given_`, and what rejection took in
        `sample_acceptance_`.

        Raises:
            InputError: a condition that was never seen; the message names those that were.
                `TooRare`, where too few rows meet the others for the budget.
        """
        if n_samples is None:
            n_samples = length_of(given)
        n, rng = self._order(n_samples, random_state)
        if not self.encoding_.width:
            return self.encoding_.inverse_transform(np.zeros((n, 0)))
        uncopied = self._uncopied(reject_copies)
        if isinstance(given, dict) and any(self._is_column(name) for name in given):
            pairs = self._pairs_given(n, given, rng, budget, uncopied)
        else:
            pairs = self._pairs(given, uncopied, n, rng)
        rows, C = np.split(pairs, [self.encoding_.width], axis=1)
        self.sample_given_ = self.conditions_.decode(C)
        return self.encoding_.inverse_transform(rows, seed=self.sample_seed_)

    def _is_column(self, name: Any) -> bool:
        """Whether what is asked for by name is of the rows, and no label."""
        labels, encoding = self.conditions_.columns, self.encoding_
        if name not in labels and encoding.kind == "frame" and name not in encoding.columns:
            raise InputError(
                f"the model has no label or column {name!r}; its labels are {', '.join(labels)}, "
                f"its columns {', '.join(encoding.columns)}"
            )
        return name not in labels and is_column(name, encoding)

    def _pairs(
        self, labels: Any, uncopied: Uncopied | None, n: int, rng: np.random.Generator
    ) -> np.ndarray:
        """n encoded rows beside the encoded labels under which they are drawn, `(n, p + q)`."""
        conditions = self.conditions_
        C = conditions.draw(n, rng) if labels is None else conditions.asked(labels, n, rng)

        def rows_at(places: Any) -> np.ndarray:
            return self._finite(self._generate_given(C[places], rng))

        rows = rows_at(slice(None)) if uncopied is None else uncopied.draw(n, rows_at)
        return np.hstack([rows, C])

    def _pairs_given(
        self,
        n: int,
        given: dict[Any, Any],
        rng: np.random.Generator,
        budget: float | None,
        uncopied: Uncopied | None,
    ) -> np.ndarray:
        """The same by the joint law of rows and labels, given conditions on columns of the rows."""
        pairs = np.empty((n, self.encoding_.width + self.conditions_.width))
        left, took = BUDGET if budget is None else budget, []
        until = time.monotonic() + left
        for values, index in by_sample(given, n):
            columns = {k: v for k, v in values.items() if self._is_column(k)}
            labels = {k: v for k, v in values.items() if k not in columns} or None
            draw = partial(self._pairs, labels, uncopied)
            pairs[index] = self._sample_given(len(index), columns, rng, draw, left).Z
            took.append(self.sample_acceptance_)
            left = max(until - time.monotonic(), 1e-3)
        self.sample_acceptance_ = reduce(add, took)
        return pairs

    def _beside(
        self, y: Any, y_validation: Any, Z: np.ndarray, effort: Effort
    ) -> tuple[np.ndarray, Effort]:
        name, held = type(self).__name__, effort.validation
        if y is None:
            raise InputError(
                f"{name} requires y to be passed, but the target y is None: it learns to draw by "
                "label, so give a label for each row, fit(X, y)"
            )
        self.conditions_ = Conditions.learn(y, len(Z))
        Z = side_by_side(Z, self.conditions_.encode(y, len(Z)))
        if held is not None:
            if y_validation is None:
                raise InputError(f"{name} needs labels of the validation rows too, y_validation=")
            C = self.conditions_.encode(y_validation, len(held))
            effort = replace(effort, validation=np.hstack([held, C]))
        return Z, effort

    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._generate_given(self.conditions_.draw(n, rng), rng)

    def _score(self, held: np.ndarray, seed: int) -> float:
        """How far rows drawn for the conditions of held-out rows are from these, jointly.

        Conditions weigh as much as rows do, so that neighbours are looked for within a class.
        """
        p = self.encoding_.width
        C = held[:, p:]
        fake = self._generate_given(C, np.random.default_rng(seed))
        if not np.isfinite(fake).all():
            return math.inf
        spread = C.var(0).sum()
        C = C * math.sqrt(held[:, :p].var(0).sum() / spread) if spread else C
        real, fake = np.hstack([held[:, :p], C]), np.hstack([self.encoding_.snap(fake), C])
        return max(abs(gap) for gap in neighbour_gap(real, fake))

    def _state(self) -> dict[str, Any]:
        return super()._state() | {"conditions": self.conditions_.to_dict()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.conditions_ = Conditions.from_dict(state["conditions"])
        width = state["width"] + self.conditions_.width
        super()._restore(state | {"width": width})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
