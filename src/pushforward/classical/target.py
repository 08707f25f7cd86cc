"""A log-density as chains ask for it: rows in, one number for each out, by NumPy or by torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.errors import InputError

Array = NDArray[np.float64]
LogProb = Callable[[Any], Any]

ADVICE = (
    "It takes rows (n_chains, p) and gives one number for each, (n_chains,): sum over axis 1, as "
    "in lambda x: -0.5 * (x**2).sum(1), or batch it with torch.func.vmap"
)


@dataclass
class State:
    """Where chains are: x `(n_chains, p)`, log f(x) `(n_chains,)`, and ∇ log f(x) where needed."""

    x: Array
    log_prob: Array
    gradient: Array | None = None

    def take(self, other: State, chains: NDArray[np.intp]) -> None:
        """Move these chains to where `other` has them; the rest stay."""
        # Taking rows and putting them is much faster than a mask over all numbers.
        self.x[chains] = other.x.take(chains, 0)
        self.log_prob[chains] = other.log_prob.take(chains)
        if self.gradient is not None and other.gradient is not None:
            self.gradient[chains] = other.gradient.take(chains, 0)

    def only(self, chains: Any) -> State:
        """A copy of these chains."""
        gradient = None if self.gradient is None else self.gradient[chains]
        return State(self.x[chains], self.log_prob[chains], gradient)


class Target:
    """log f, up to a constant, of many rows at once; −inf outside the support.

    Whether `log_prob` is of NumPy or of torch is found out by calling it on the rows `x`: with an
    array, then with a tensor on the CPU of the same precision, then with one of float32. Only
    tensors will do where gradients are needed.

    Raises:
        InputError: it takes none of them, or gives another shape, NaN or +inf; also later.

    >>> target = Target(lambda x: -0.5 * (x**2).sum(1), np.zeros((3, 2)))
    >>> target(np.ones((4, 2))).log_prob
    array([-1., -1., -1., -1.])
    """

    def __init__(self, log_prob: LogProb | None, x: Array, *, gradient: bool = False) -> None:
        if not callable(log_prob):
            raise InputError(
                f"expected log_prob to be a function, got {log_prob!r}; give the log-density, "
                f"MetropolisHastings(log_prob). {ADVICE}"
            )
        self._log_prob = log_prob
        self._evaluate = self._found_out(x, gradient)

    def __call__(self, x: Array) -> State:
        """log f, and its gradient where it is needed, at the rows of `x`."""
        state = self._evaluate(x)
        largest = state.log_prob.max()
        if not largest < np.inf:  # so written that it is so for NaN too
            worst = int(np.flatnonzero(~(state.log_prob < np.inf))[0])
            raise InputError(
                f"log_prob gave {state.log_prob[worst]} at {x[worst]}; it is finite in the "
                "support and -inf outside of it"
            )
        return state

    def _ways(self, x: Array, gradient: bool) -> Iterator[tuple[str, Callable[[Array], State]]]:
        if not gradient:
            yield "a NumPy array", self._with_numpy
        for self._dtype in dict.fromkeys((str(x.dtype), "float32")):
            way = self._with_autograd if gradient else self._with_torch
            yield f"a {self._dtype} tensor", way

    def _with_numpy(self, x: Array) -> State:
        values = self._log_prob(x)
        if hasattr(values, "detach"):  # it makes a tensor of the array by itself
            values = values.detach().cpu()
        return State(x, np.asarray(values, dtype=float))

    def _with_torch(self, x: Array) -> State:
        import torch

        with torch.no_grad():
            values = self._log_prob(torch.from_numpy(x).to(getattr(torch, self._dtype)))
        return State(x, values.cpu().double().numpy())

    def _with_autograd(self, x: Array) -> State:
        import torch

        rows = torch.tensor(x, dtype=getattr(torch, self._dtype), requires_grad=True)
        values = self._log_prob(rows)
        # Rows do not meet, so the gradient of the sum is that of each.
        (slope,) = torch.autograd.grad(values.sum(), rows)
        log_f = values.detach().cpu().double().numpy()
        # An integrator may leave the numbers; such a proposal is one to reject.
        log_f = np.where(np.isnan(log_f), -np.inf, log_f)
        return State(x, log_f, slope.numpy().astype(x.dtype))

    def _found_out(self, x: Array, gradient: bool) -> Callable[[Array], State]:
        """The first way to evaluate log_prob that works, for any number of rows."""
        failures = []
        for name, way in self._ways(x, gradient):
            try:
                for rows in (x.copy(), x[:1].copy(), x[[0, 0, 0]]):
                    before, shape = rows.copy(), np.shape(way(rows).log_prob)
                    if shape != (len(rows),):
                        raise InputError(
                            f"expected log_prob to give shape ({len(rows)},) for rows of shape "
                            f"{rows.shape}, got {shape}. {self._in_one_row(x)}{ADVICE}"
                        )
                    if not np.array_equal(before, rows):
                        raise InputError(
                            "log_prob changed the rows it was given; let it work on a copy"
                        )
            except InputError:
                raise
            except Exception as error:
                failures.append(f"called with {name}: {type(error).__name__}: {error!s:.120}")
            else:
                return way
        needed = " that torch can differentiate (for proposal='mala' and 'hmc')" if gradient else ""
        raise InputError(
            f"expected a log_prob{needed} of rows, shape {x.shape}; {'; '.join(failures)}. "
            f"{self._in_one_row(x)}{ADVICE}"
        )

    def _in_one_row(self, x: Array) -> str:
        """A hint, where log_prob would take a single row."""
        try:
            alone = np.size(self._with_numpy(x[0].copy()).log_prob) == 1
        except Exception:
            alone = False
        return "It works on one row at a time: vectorise it. " if alone else ""
