"""Residual networks for images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from pushforward.networks.convolutional import Norm, Size, halvings, pixel_norm


class Down(nn.Module):
    """x ↦ pool(s(x) + f(x)): to `c_out` channels at half the size, s a 1×1 convolution."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(c_in, c_out, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(self.skip(x) + self.body(x), 2)


class Up(nn.Module):
    """x ↦ s(u(x)) + f(u(x)), u doubling to the nearest pixel: to `c_out` channels at `size`."""

    def __init__(self, c_in: int, c_out: int, size: Size, norm: Norm) -> None:
        super().__init__()
        self.size = size
        self.skip = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.before = nn.Sequential(norm(c_in), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, padding=1),
            norm(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        large = interpolate(self.before(x), self.size)
        return interpolate(self.skip(x), self.size) + self.body(large)


def residual_reader(channels: int, size: Size, n_out: int, width: int = 64) -> nn.Sequential:
    """Images `(n, channels, *size)` to numbers `(n, n_out)`: residual blocks that halve.

    A 3×3 convolution to `width` channels, blocks that double the channels, a linear layer; no norm,
    so that slopes of single images can be penalised. After Gulrajani et al. 2017, arXiv:1704.00028,
    appendix F.

    >>> import torch
    >>> residual_reader(1, (28, 28), 1, width=4)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 1])
    """
    sizes = halvings(*size)
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, padding=1)]
    count = width
    for _ in sizes[1:]:
        layers.append(Down(count, 2 * count))
        count *= 2
    h, w = sizes[-1]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(count * h * w, n_out))


def residual_drawer(
    n_in: int, channels: int, size: Size, width: int = 64, norm: Norm = pixel_norm
) -> nn.Sequential:
    """Codes `(n, n_in)` to images `(n, channels, *size)` in [−1, 1]: residual blocks that double.

    >>> import torch
    >>> residual_drawer(16, 3, (28, 28), width=4)(torch.zeros(2, 16)).shape
    torch.Size([2, 3, 28, 28])
    """
    small, *rest = halvings(*size)[::-1]
    count = width * 2 ** len(rest)
    first = nn.Linear(n_in, count * small[0] * small[1])
    layers: list[nn.Module] = [first, nn.Unflatten(1, (count, *small))]
    for larger in rest:
        layers.append(Up(count, count // 2, larger, norm))
        count //= 2
    return nn.Sequential(
        *layers, norm(count), nn.ReLU(), nn.Conv2d(count, channels, 3, padding=1), nn.Tanh()
    )
