"""Weights from a file go into the networks that they are of, and networks grow no larger than they.

A configuration from a file may ask for any network. Here it is built only while it asks for no more
numbers than the file brings with it, and takes them only name by name, in the shape and the kind
that it has itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from pushforward.errors import FileError

SPARE = 2**20  # numbers that one tensor may have beyond those in the file: filters, identities
CALLS = 20  # tensors made for each that is kept, and besides
MAKERS = {
    torch.empty,
    torch.zeros,
    torch.ones,
    torch.full,
    torch.eye,
    torch.arange,
    torch.linspace,
    torch.rand,
    torch.randn,
}


class NoLargerThan(TorchFunctionMode):
    """Within it, tensors are made only as large and as many as networks with these weights need.

    Raises:
        FileError: before the memory is taken.

    >>> with NoLargerThan({"weight": np.zeros((2, 2))}):
    ...     torch.nn.Linear(10**6, 10**6)
    Traceback (most recent call last):
    pushforward.errors.FileError: its parameters ask for a tensor of 1,000,000,000,000 numbers, ...
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self.numbers = sum(w.size for w in weights.values())
        self.calls = CALLS * (1 + len(weights))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in MAKERS and "out" not in kwargs:
            asked = func(*args, **kwargs | {"device": "meta"}).numel()
            self.calls -= 1
            if asked > self.numbers + SPARE or self.calls < 0:
                what = f"a tensor of {asked:,} numbers" if self.calls >= 0 else "many more tensors"
                raise FileError(
                    f"its parameters ask for {what}, expected no more than the {self.numbers:,} "
                    "numbers of its weights need; take a whole copy of the model"
                )
        return func(*args, **kwargs)


def check_weights(module: torch.nn.Module, weights: Any) -> None:
    """Refuse weights that are not those of this module: names, shapes, kinds, finite numbers.

    Raises:
        FileError: the message names the first that does not fit.
    """
    if not isinstance(weights, Mapping):
        raise FileError(f"expected weights by name, got {type(weights).__name__}")
    own = module.state_dict()
    strange = sorted(set(own) ^ set(weights))
    if strange:
        what = "is missing" if strange[0] in own else "does not belong to its networks"
        raise FileError(
            f"expected the {len(own)} tensors of its networks, got {len(weights)}: "
            f"{strange[0]!r} {what}"
        )
    for name, tensor in own.items():
        found = weights[name]
        if not isinstance(found, np.ndarray) or found.shape != tuple(tensor.shape):
            shape = found.shape if isinstance(found, np.ndarray) else type(found).__name__
            raise FileError(
                f"expected {name!r} of shape {tuple(tensor.shape)}, as its parameters say, got "
                f"{shape}"
            )
        kind = str(tensor.dtype).removeprefix("torch.")
        if str(found.dtype) != kind:
            raise FileError(f"expected {name!r} in {kind}, got {found.dtype}")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise FileError(f"expected finite numbers in {name!r}, got NaN or infinity")
