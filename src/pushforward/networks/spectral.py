"""Spectral normalisation: layers that stretch no input by more than a factor of one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import normalize

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Spectral(nn.Module):
    """A layer whose weight W is divided by σ(W) = ‖Wᵀu‖, u near its first left singular vector.

    u is a buffer that `power_iteration` brings nearer after each move, so that the forward pass
    only reads it; the gradient of ‖Wᵀu‖ is that of uᵀWv with v = Wᵀu / ‖Wᵀu‖ held fixed. Miyato et
    al. 2018, arXiv:1802.05957, algorithm 1.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.u: Tensor
        with torch.no_grad():
            self.register_buffer("u", normalize(torch.randn(len(self.matrix)), dim=0))
            for _ in range(15):  # or the first rounds would divide by far too little
                self.u = self.iterate()

    @property
    def matrix(self) -> Tensor:
        """W, the weights of an output in a row."""
        return self.layer.weight.flatten(1)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        weight = self.layer.weight / (self.matrix.T @ self.u).norm()
        return functional_call(self.layer, {"weight": weight}, (x,))

    def iterate(self) -> Tensor:
        """u after one step of power iteration."""
        return normalize(self.matrix @ normalize(self.matrix.T @ self.u, dim=0), dim=0)


def spectrally_normalised(network: nn.Module) -> nn.Module:
    """The network with every linear and convolutional layer normalised, in place.

    >>> network = spectrally_normalised(nn.Sequential(nn.Linear(3, 2)))
    >>> x = torch.eye(3)
    >>> bool(torch.linalg.matrix_norm(network(x) - network(0 * x), 2) < 1.05)
    True
    """
    if isinstance(network, LAYERS):
        return Spectral(network)
    for name, child in network.named_children():
        setattr(network, name, spectrally_normalised(child))
    return network


def power_iteration(network: nn.Module) -> dict[str, Tensor]:
    """The next vectors u of all normalised layers, by the names of their buffers."""
    return {
        f"{name}.u".removeprefix("."): layer.iterate()
        for name, layer in network.named_modules()
        if isinstance(layer, Spectral)
    }
