"""Spectral normalisation: layers that stretch no input by more than a factor of one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.parametrize import ParametrizationList, register_parametrization


class Spectral(nn.Module):
    """W ↦ W / σ(W), with σ(W) = ‖Wᵀu‖ and u near the first left singular vector of W.

    u is a buffer that `power_iteration` brings nearer after each move, so that the forward pass
    only reads it; the gradient of ‖Wᵀu‖ is that of uᵀWv with v = Wᵀu / ‖Wᵀu‖ held fixed. Miyato et
    al. 2018, arXiv:1802.05957, algorithm 1.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.u: Tensor
        u = normalize(torch.randn(len(weight)), dim=0)
        for _ in range(15):  # or the first rounds would divide by far too little
            u = self._iterate(weight.detach(), u)
        self.register_buffer("u", u)

    def forward(self, weight: Tensor) -> Tensor:
        return weight / (weight.flatten(1).T @ self.u).norm()

    @staticmethod
    def _iterate(weight: Tensor, u: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        return normalize(matrix @ normalize(matrix.T @ u, dim=0), dim=0)

    def iterate(self, weight: Tensor) -> Tensor:
        """u after one step of power iteration."""
        return self._iterate(weight, self.u)


def spectrally_normalised(network: nn.Module) -> nn.Module:
    """The network with the weight of every linear and convolutional layer normalised, in place.

    >>> layer = spectrally_normalised(nn.Linear(3, 2))
    >>> bool(torch.linalg.matrix_norm(layer.weight, 2) < 1.05)
    True
    """
    for layer in list(network.modules()):
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            register_parametrization(layer, "weight", Spectral(layer.weight))
    return network


def power_iteration(network: nn.Module) -> dict[str, Tensor]:
    """The next vectors u of all normalised layers, by the names of their buffers."""
    return {
        f"{name}.0.u": normalised[0].iterate(normalised.original)
        for name, normalised in network.named_modules()
        if isinstance(normalised, ParametrizationList) and isinstance(normalised[0], Spectral)
    }
