"""Families of networks between codes and encoded rows: perceptrons for vectors, and for images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from pushforward.data.dataset import LEAST_IMAGE
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.networks.convolutional import (
    convolutional_drawer,
    convolutional_reader,
    dcgan_drawer,
    dcgan_reader,
)
from pushforward.networks.layout import AsImages, AsRows, Layout
from pushforward.networks.mlp import mlp
from pushforward.networks.residual_images import residual_drawer, residual_reader

AUTO = "auto"
FAMILIES = {
    "convolutional": (convolutional_reader, convolutional_drawer),
    "dcgan": (dcgan_reader, dcgan_drawer),
    "residual": (residual_reader, residual_drawer),
}
NAMES = (AUTO, "mlp", *FAMILIES)
WIDTH = 32  # channels of the first convolution, twice as many after each halving


class Family(Protocol):
    """Networks sized by the data, that all methods share."""

    def reader(self, n_out: int, *, beside: int = 0, packing: int = 1) -> nn.Sequential:
        """Rows `(n, packing·(p + beside))` to numbers `(n, n_out)`; its last layer is linear."""
        ...

    def drawer(self, n_in: int, *, packing: int = 1) -> nn.Sequential:
        """Codes `(n, n_in)` to rows `(n, packing·p)`."""
        ...


@dataclass(frozen=True)
class Vectors:
    """Multilayer perceptrons, for rows of p columns; `mirrored` ones draw by `hidden` reversed."""

    columns: int
    hidden: Sequence[int] = (128, 128)
    activation: Callable[[], nn.Module] = nn.ReLU
    mirrored: bool = False

    def reader(self, n_out: int, *, beside: int = 0, packing: int = 1) -> nn.Sequential:
        n_in = packing * (self.columns + beside)
        return mlp(n_in, self.hidden, n_out, activation=self.activation)

    def drawer(self, n_in: int, *, packing: int = 1) -> nn.Sequential:
        hidden = self.hidden[::-1] if self.mirrored else self.hidden
        return mlp(n_in, hidden, packing * self.columns, activation=self.activation)


@dataclass(frozen=True)
class Pictures:
    """Networks for images, which rows become on the way in, and rows for images on the way out."""

    layout: Layout
    read: Callable[..., nn.Sequential]
    draw: Callable[..., nn.Sequential]
    width: int = WIDTH

    def reader(self, n_out: int, *, beside: int = 0, packing: int = 1) -> nn.Sequential:
        channels = packing * (self.layout.channels + beside)
        network = self.read(channels, self.layout.size, n_out, self.width)
        return nn.Sequential(AsImages(self.layout, packing), *network)

    def drawer(self, n_in: int, *, packing: int = 1) -> nn.Sequential:
        channels = packing * self.layout.channels
        network = self.draw(n_in, channels, self.layout.size, self.width)
        return nn.Sequential(*network, AsRows(self.layout, packing))


def family(name: str, encoding: Encoding, vectors: Vectors, width: int | None = None) -> Family:
    """The family of that name, for what was encoded; "auto" goes by the kind and size of the data.

    Raises:
        InputError: networks for images where there are none.
    """
    if name == AUTO:
        name = "convolutional" if are_images(encoding) else "mlp"
    if name == "mlp":
        return vectors
    if encoding.kind != "images":
        raise InputError(
            f"expected images (n, h, w) or (n, h, w, c) for networks={name!r}, got rows of "
            f"{encoding.width} columns; reshape them, or take networks='mlp'"
        )
    return Pictures(Layout.of(encoding), *FAMILIES[name], width or WIDTH)


def are_images(encoding: Encoding) -> bool:
    """Whether these are images large enough for convolutions by themselves."""
    return encoding.kind == "images" and min(encoding.shape[:2]) >= LEAST_IMAGE


def handed_reader(
    given: Any, encoding: Encoding, n_out: int | None, *, beside: int = 0, packing: int = 1
) -> nn.Sequential:
    """A module that the user handed in, from rows to numbers; it sees images where they are images.

    With `n_out` None it may give any number of numbers (one for each patch of an image).

    Raises:
        InputError: it does not take or give what is needed here.
    """
    module, n_in = _fresh(given), packing * (encoding.width + beside)
    before = [AsImages(Layout.of(encoding), packing)] if encoding.kind == "images" else []
    network = nn.Sequential(*before, module, nn.Flatten())
    return _tried(network, n_in, n_out, f"(n, {'any' if n_out is None else n_out})")


def handed_translator(given: Any, encoding: Encoding, other: Encoding) -> nn.Sequential:
    """A module that the user handed in, from rows to rows of another domain, or images to images.

    Raises:
        InputError: it does not take or give what is needed here.
    """
    before: list[nn.Module] = []
    after: list[nn.Module] = []
    shape = f"(n, {other.width})"
    if encoding.kind == "images":
        before.append(AsImages(Layout.of(encoding)))
    if other.kind == "images":
        layout = Layout.of(other)
        after.append(AsRows(layout))
        shape = f"(n, {layout.channels}, {layout.height}, {layout.width})"
    network = nn.Sequential(*before, _fresh(given), *after)
    return _tried(network, encoding.width, other.width, shape)


def handed_drawer(given: Any, encoding: Encoding, n_in: int, *, packing: int = 1) -> nn.Sequential:
    """A module that the user handed in, from codes to rows; it draws images where they are images.

    Raises:
        InputError: it does not take or give what is needed here.
    """
    module, n_out = _fresh(given), packing * encoding.width
    if encoding.kind != "images":
        return _tried(nn.Sequential(module), n_in, n_out, f"(n, {n_out})")
    layout = Layout.of(encoding)
    shape = f"(n, {packing * layout.channels}, {layout.height}, {layout.width})"
    return _tried(nn.Sequential(module, AsRows(layout, packing)), n_in, n_out, shape)


def _fresh(given: Any) -> nn.Module:
    """A module of its own for this fit: a copy, or what a function makes."""
    module = deepcopy(given) if isinstance(given, nn.Module) else given()
    if not isinstance(module, nn.Module):
        raise InputError(f"expected a torch.nn.Module or a function that makes one, got {given!r}")
    return module


def _tried(network: nn.Sequential, n_in: int, n_out: int | None, shape: str) -> nn.Sequential:
    """The network, after a trial on two rows of zeros."""
    modes = network.training
    try:
        with torch.no_grad():
            out = network.eval()(torch.zeros(2, n_in))
    except (RuntimeError, ValueError, IndexError) as error:
        what = str(error).strip().splitlines()[0]
        raise InputError(
            f"the module that was handed in cannot take {n_in} numbers a row here ({what}); it "
            f"should give {shape}"
        ) from error
    network.train(modes)
    expected = (2, out.shape[-1] if n_out is None else n_out) if isinstance(out, Tensor) else ()
    if not isinstance(out, Tensor) or out.shape != expected:
        got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise InputError(
            f"expected the module that was handed in to give {shape}, as rows (2, {n_out or 'any'})"
            f" for two rows, got {got}"
        )
    return network


def has_batch_norm(network: nn.Module) -> bool:
    """Whether what a network says of a row depends on the rows beside it in training."""
    return any(isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) for module in network.modules())
