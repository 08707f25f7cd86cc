"""Networks that measure and are never moved."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor, nn
from torch.func import functional_call


class Frozen(nn.Module):
    """A copy in evaluation mode whose weights are constants: nobody moves, owns or saves them.

    They are buffers outside the state, by other names than in the network: what is moved to a
    device or stacked for a population takes them along, and what averages weights or the
    statistics of batch norms leaves them.

    >>> network = Frozen(nn.Linear(2, 3))
    >>> list(network.parameters()), len(network.state_dict()), len(list(network.buffers()))
    ([], 0, 2)
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        copy = deepcopy(network).eval()
        self.network = (copy,)  # in a tuple it is no part of this module
        held = [*copy.named_parameters(), *copy.named_buffers()]
        self.names = [name for name, _ in held]
        for i, (_, tensor) in enumerate(held):
            self.register_buffer(f"constant_{i}", tensor.detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        constants = zip(self.names, self.buffers(), strict=True)
        return functional_call(self.network[0], dict(constants), (x,))
