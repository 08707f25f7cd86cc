"""Where a search looks for options of a method: a range for each of them."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pushforward.errors import FileError, InputError
from pushforward.untrusted import Damaged, parse_json, read_bytes

BETA_1 = "beta_1"  # stands for the first of `betas`, the second stays the method's


class Range(ABC):
    """Values that an option may take, and the law by which a random search draws them."""

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Any:
        """One value."""


@dataclass(frozen=True)
class _Between(Range):
    low: float
    high: float

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in ends):
            raise InputError(f"expected two numbers for a range, got {ends!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"expected a range from a lower to a higher number, got {self.low} to {self.high}"
            )


class Uniform(_Between):
    """Numbers from `low` to below `high`, all as likely.

    >>> bool(0 <= Uniform(0, 1).draw(np.random.default_rng(0)) < 1)
    True
    """

    def draw(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(self.low, self.high))


class LogUniform(_Between):
    """Numbers above 0 from `low` to `high`, their logarithms all as likely.

    >>> bool(1e-5 <= LogUniform(1e-5, 1e-2).draw(np.random.default_rng(0)) <= 1e-2)
    True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise InputError(f"expected a logarithmic range above 0, got {self.low} as its least")

    def draw(self, rng: np.random.Generator) -> float:
        return float(np.exp(rng.uniform(math.log(self.low), math.log(self.high))))


class Whole(_Between):
    """Whole numbers from `low` to `high`, both included.

    >>> Whole(1, 3).draw(np.random.default_rng(0)) in (1, 2, 3)
    True
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low != int(self.low) or self.high != int(self.high):
            raise InputError(f"expected whole numbers, got {self.low} and {self.high}")

    def draw(self, rng: np.random.Generator) -> int:
        return int(rng.integers(int(self.low), int(self.high) + 1))


@dataclass(frozen=True)
class Choice(Range):
    """One of several values, all as likely.

    >>> Choice((1, 5)).draw(np.random.default_rng(0)) in (1, 5)
    True
    """

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if isinstance(self.values, str) or len(self.values) == 0:
            raise InputError(f"expected a choice between one or more values, got {self.values!r}")
        values = tuple(v.item() if isinstance(v, np.generic) else v for v in self.values)
        try:
            json.dumps(values)
        except (TypeError, ValueError):
            raise InputError(
                "expected a choice between numbers, words, or tuples of them, which can be written "
                f"down, got {values!r}"
            ) from None
        object.__setattr__(self, "values", values)

    def draw(self, rng: np.random.Generator) -> Any:
        return self.values[rng.integers(len(self.values))]


Space = Mapping[str, Range]
KINDS: dict[str, type[Range]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "whole": Whole,
    "choice": Choice,
}


def draw(space: Space, rng: np.random.Generator) -> dict[str, Any]:
    """A value of every option.

    >>> draw({"n_critic": Choice((5,))}, np.random.default_rng(0))
    {'n_critic': 5}
    """
    return {name: each.draw(rng) for name, each in space.items()}


def as_json(space: Space) -> dict[str, Any]:
    """A space as what `from_json` reads.

    >>> as_json({"learning_rate": LogUniform(1e-5, 1e-2), "n_critic": Choice((1, 5))})
    {'learning_rate': {'log_uniform': [1e-05, 0.01]}, 'n_critic': {'choice': [1, 5]}}
    """
    names = {kind: name for name, kind in KINDS.items()}
    found = {}
    for option, each in space.items():
        values: Any = each.values if isinstance(each, Choice) else astuple(each)  # type: ignore[call-overload]
        # Tuples among the values become lists, as they are when they are read again.
        found[option] = {names[type(each)]: json.loads(json.dumps(values))}
    return found


def from_json(value: Any) -> dict[str, Range]:
    """The space that JSON describes: `{option: {kind: [values]}}`.

    Raises:
        InputError: an unknown kind, or a range that is empty or contradicts itself; the message
            names the option.

    >>> from_json({"learning_rate": {"log_uniform": [1e-5, 1e-2]}})
    {'learning_rate': LogUniform(low=1e-05, high=0.01)}
    """
    if not isinstance(value, dict):
        raise InputError(f"expected a range for each option, {{option: range}}, got {value!r}")
    return {option: _range(option, written) for option, written in value.items()}


def _range(option: str, written: Any) -> Range:
    example = f'{{"{option}": {{"uniform": [0, 1]}}}}'
    if not (isinstance(written, dict) and len(written) == 1):
        raise InputError(f"{option}: expected one range such as {example}, got {written!r}")
    ((kind, values),) = written.items()
    if kind not in KINDS:
        raise InputError(f"{option}: expected one of {', '.join(KINDS)}, got {kind!r}")
    if not isinstance(values, list) or (kind != "choice" and len(values) != 2):
        raise InputError(f"{option}: expected a list of values such as {example}, got {values!r}")
    try:
        if kind == "choice":  # options take tuples, which JSON does not have
            return Choice(tuple(tuple(v) if isinstance(v, list) else v for v in values))
        return KINDS[kind](*values)
    except InputError as error:
        raise InputError(f"{option}: {error}") from None


def read_spaces(path: Path) -> dict[str, dict[str, Range]]:
    """The spaces of several methods from a JSON file, `{method: {option: {kind: [values]}}}`.

    Raises:
        FileError: it cannot be read, or is no JSON.
        InputError: a range in it cannot be used.
    """
    try:
        written = parse_json(read_bytes(path))
    except FileNotFoundError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from error
    except Damaged as error:
        raise FileError(f"{path} is no JSON: {error}") from error
    if not isinstance(written, dict):
        raise InputError(f"{path}: expected {{method: {{option: range}}}}, got {written!r}")
    spaces = {}
    for method, space in written.items():
        try:
            spaces[method] = from_json(space)
        except InputError as error:
            raise InputError(f"{path}, {method}: {error}") from None
    return spaces
