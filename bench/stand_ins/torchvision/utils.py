"""A picture of a batch of vectors is the batch."""

from torch import Tensor


def make_grid(tensor: Tensor, **layout: object) -> Tensor:  # noqa: ARG001
    return tensor
