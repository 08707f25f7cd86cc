"""Many fits of one neural sampler, trained at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pushforward.errors import Diverged, InputError
from pushforward.methods import METHODS, get_method
from pushforward.models.fitting import train
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import Sampler


@dataclass(frozen=True)
class FittedPopulation(Sequence[Any]):
    """Fitted samplers in the order of their seeds; None where one diverged and nothing was kept.

    `best` is the one with the lowest score on its held-out rows. `diverged` says, by number, which
    members left the finite numbers, also those whose state of before was kept. `notes` say how the
    members were trained.
    """

    members: list[NeuralSampler | None]
    scores: list[float]  # the best of each on its held-out rows, 0 is perfect; inf without any
    diverged: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def best(self) -> NeuralSampler:
        """The member with the lowest score."""
        fitted = [(score, k) for k, score in enumerate(self.scores) if self.members[k] is not None]
        return self[min(fitted)[1]]

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, k: Any) -> Any:
        return self.members[k]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.members)


def fit_population(
    method: str | NeuralSampler,
    X: Any,
    y: Any = None,
    *,
    random_states: Iterable[int] = range(8),
    each: Mapping[str, Sequence[Any]] | None = None,
    validation: Any = None,
    y_validation: Any = None,
    checkpoint: str | os.PathLike[str] | None = None,
    budget: float | None = None,
    progress: bool = True,
    **options: Any,
) -> FittedPopulation:
    """Fit one neural method many times at once: other seeds, other continuous settings.

    Members that differ in seeds and in numbers (learning rate, β of Adam, weights of terms) train
    as one population, K at once by batched operations; each equals its own solo fit up to rounding.
    Others train in populations of their own, or one by one; `notes` say so.

    Args:
        method: a name from the registry, or an unfitted neural sampler.
        X: the rows, as for `fit`.
        y: their labels, or the rows of another domain, as for `fit`.
        random_states: a seed for each member.
        each: options that differ, one value for each member, `{"learning_rate": [1e-4, 1e-3]}`.
        validation: held-out rows by which members stop and are scored. Without them each member
            holds back rows of its own, and scores of members are on different rows.
        y_validation: what `y` is to X, to the held-out rows.
        checkpoint: a file to save training to, and to resume from when it is there.
        budget: seconds that all members together may take.
        progress: show a bar where there is a terminal.
        options: of the method, for all members.

    Raises:
        InputError: no seed; as many values as seeds are missing; a method that trains no game.
        Diverged: every member diverged.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> rates = {"learning_rate": [1e-4, 1e-3]}
    >>> fits = fit_population("vae", X, random_states=[0, 1], each=rates, max_rounds=20)
    >>> len(fits), fits.best.sample(3, random_state=0).shape
    (2, (3, 2))
    """
    members = _members(method, _seeds(random_states), each or {}, options)
    begun = []
    for member in members:
        Z, effort = member._before(
            X,
            y,
            validation=validation,
            y_validation=y_validation,
            checkpoint=checkpoint,
            budget=budget,
            progress=progress,
        )
        member._check_parameters()
        begun.append((member, Z, effort))
    population = fit_begun(begun)
    if all(member is None for member in population):
        raise Diverged(f"every member diverged; the first: {population.diverged[0]}")
    return population


def fit_begun(begun: Sequence[tuple[NeuralSampler, Any, Any]]) -> FittedPopulation:
    """Train samplers whose rows are encoded, `(sampler, encoded rows, effort)`, to their ends."""
    fits = {
        k: member._begin(Z, effort)
        for k, (member, Z, effort) in enumerate(begun)
        if member.encoding_.width
    }
    notes = train(list(fits.values()), begun[0][2]) if fits else []
    members: list[NeuralSampler | None] = []
    scores, diverged = [], {}
    for k, (member, Z, _) in enumerate(begun):
        fit = fits.get(k)
        scores.append(fit.stopper.kept_score if fit is not None else 0.0)
        if fit is not None and fit.diverged is not None:
            diverged[k] = str(fit.diverged)
        if fit is not None and fit.failed:
            members.append(None)
            continue
        if fit is not None:
            member._end(fit)
        members.append(member._after(Z))
    return FittedPopulation(members, scores, diverged, notes)


def _seeds(random_states: Iterable[int]) -> list[int]:
    try:
        seeds = list(random_states)
    except TypeError:
        raise InputError(
            f"expected random_states to be seeds, range(16), got {random_states!r}"
        ) from None
    if not seeds:
        raise InputError("expected at least one seed in random_states, got none")
    return seeds


def _members(
    method: str | Sampler, seeds: list[int], each: Mapping[str, Sequence[Any]], options: Any
) -> list[NeuralSampler]:
    """An unfitted sampler for each seed, with its own values of what differs."""
    for name, values in each.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise InputError(f"expected {name} in each to be a list of values, got {values!r}")
        if len(values) != len(seeds):
            raise InputError(
                f"expected {len(seeds)} values of {name}, one for each of random_states, "
                f"got {len(values)}"
            )
        if name in options or name == "random_state":
            raise InputError(f"{name} is given twice: for all members and in each")
    if isinstance(method, str):
        make = get_method(method).make
    else:
        given = method.get_params(deep=False)
        unknown = [name for name in (*options, *each) if name not in given]
        if unknown:
            raise InputError(
                f"{type(method).__name__} has no option {', '.join(map(repr, unknown))}; "
                f"it has {', '.join(given)}"
            )
        make = lambda **changed: type(method)(**(given | changed))  # noqa: E731
    members = [
        make(**options, **{name: values[k] for name, values in each.items()}, random_state=seed)
        for k, seed in enumerate(seeds)
    ]
    if not isinstance(members[0], NeuralSampler):
        name = method if isinstance(method, str) else type(method).__name__
        have = [m.name for m in METHODS.values() if issubclass(m.sampler, NeuralSampler)]
        raise InputError(
            f"{name} trains no game, so has no population; those that do are {', '.join(have)}"
        )
    if any(member.restarts != 1 for member in members):
        raise InputError("expected restarts=1: a population is made of single fits, give it seeds")
    return members
