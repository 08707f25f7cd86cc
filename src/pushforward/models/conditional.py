"""What samplers that draw by label share: they learn the law of rows given conditions."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from pushforward.data.conditions import Conditions, length_of
from pushforward.data.windows import side_by_side
from pushforward.errors import InputError
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import Effort


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
        self, n_samples: int | None = None, *, given: Any = None, random_state: Any = None
    ) -> Any:
        """Draw new rows, of the kind that was fitted, under conditions.

        Args:
            n_samples: how many; by default one, or one for each of the conditions.
            given: a label, or one for each sample; with several columns a value of each by name,
                `{"city": "Bern", "age": 40}`, or an array or table of them. Columns that are not
                given are drawn from training rows that agree with those that are. None draws all
                conditions as often as they occurred in training.
            random_state: an integer repeats the draw.

        The conditions that were used are kept in `sample_given_`.

        Raises:
            InputError: a condition that was never seen; the message names those that were.
        """
        if n_samples is None:
            n_samples = length_of(given)
        n, rng = self._order(n_samples, random_state)
        if not self.encoding_.width:
            return self.encoding_.inverse_transform(np.zeros((n, 0)))
        conditions = self.conditions_
        C = conditions.draw(n, rng) if given is None else conditions.asked(given, n, rng)
        self.sample_given_ = conditions.decode(C)
        return self.encoding_.inverse_transform(self._finite(self._generate_given(C, rng)))

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
