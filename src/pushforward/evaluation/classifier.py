"""Features learnt from labels: the last hidden layer of a small classifier."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pushforward.errors import FileError, InputError
from pushforward.evaluation.extractors import channels_first, digest, in_batches
from pushforward.evaluation.features import Rows
from pushforward.networks.mlp import mlp
from pushforward.networks.weights import NoLargerThan, check_weights
from pushforward.storage import read_folder, write_folder
from pushforward.untrusted import shortly

FORMAT, FORMAT_VERSION = "pushforward-classifier-features", 1
FEATURES = 64  # of the last hidden layer
HELD_OUT = 0.2  # share of the rows that decide when to stop
EPOCHS, PATIENCE, BATCH = 200, 10, 64


class ClassifierFeatures:
    """The last hidden layer (n, 64) of a classifier that was trained on labels.

    A multilayer perceptron for vectors (n, p), a small convolutional network for images
    (n, h, w[, c]), on standardised inputs. Make one with `fit` or `load`. The name says what it
    was trained on, how well it does on rows held out, and a digest of its weights.

    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(2, size=200)
    >>> features = ClassifierFeatures.fit(rng.normal(size=(200, 3)) + 4 * y[:, None], y, "blobs")
    >>> features(np.zeros((5, 3))).shape
    (5, 64)
    """

    def __init__(self, network: nn.Sequential, description: dict[str, Any]) -> None:
        self._network, self._description = network, description
        d = description
        self.name = (
            f"classifier of {d['trained_on']} ({d['rows']} rows, {d['classes']} classes, accuracy "
            f"{d['held_out_accuracy']:.3f} held out, weights {digest(network)})"
        )

    @property
    def held_out_accuracy(self) -> float:
        """Share of the held-out rows whose label is told right."""
        return float(self._description["held_out_accuracy"])

    @property
    def maps(self) -> nn.Sequential:
        """The network from images `(n, c, h, w)` to its last maps `(n, 32, h/2, w/2)`, a module.

        For losses that compare what an image shows where, as super-resolution does.
        Raises `InputError` for a classifier of vectors.
        """
        layers = list(self._network)
        pooling = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        if not pooling:
            raise InputError("a classifier of vectors has no maps; fit one to images")
        return nn.Sequential(*layers[: pooling[-1]])

    @classmethod
    def fit(cls, X: Any, y: Any, trained_on: str, *, random_state: int = 0) -> ClassifierFeatures:
        """Train on rows or images and their labels; `trained_on` names the data.

        Adam minimises the cross-entropy; a random fifth of the rows is held out and its loss says
        when to stop and which weights to keep, which flatters their accuracy a little. The same
        `random_state` gives the same features.
        Raises `InputError` for fewer than two classes, ten rows, or data that are not finite.
        """
        inputs, (labels, classes) = _inputs(X), _labels(y)
        if len(inputs) != len(labels) or classes < 2 or len(inputs) < 10:
            raise InputError(
                "expected one label for each of at least ten rows and at least two labels, got "
                f"{len(inputs)} rows, {len(labels)} labels of {classes} kinds. Correct X or y."
            )
        order = np.random.default_rng(random_state).permutation(len(inputs))
        held, kept = np.split(order, [max(1, round(HELD_OUT * len(order)))])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            standardise = Standardise(tuple(inputs.shape[1:]))
            standardise.learn(inputs[kept])
            network = _network(standardise, tuple(inputs.shape[1:]), classes)
            accuracy = _train(network, inputs, labels, kept, held)
        description = {
            "trained_on": trained_on,
            "rows": len(inputs),
            "shape": list(inputs.shape[1:]),
            "classes": classes,
            "held_out_accuracy": accuracy,
            "random_state": random_state,
        }
        return cls(network, description)

    def __call__(self, data: Any) -> Rows:
        inputs = _inputs(data)
        expected = tuple(self._description["shape"])
        if tuple(inputs.shape[1:]) != expected:
            raise InputError(
                f"this classifier takes samples of shape {expected} (channels first), got "
                f"{tuple(inputs.shape[1:])}. Give data like those it was trained on."
            )
        hidden = self._network[:-1]
        return in_batches(hidden, hidden, torch.from_numpy, inputs.numpy(), batch_size=1024)

    def save(self, path: str | Path) -> None:
        """Write a folder of safetensors and JSON; raises `FileError` where that cannot be."""
        description = {"format": FORMAT, "format_version": FORMAT_VERSION, **self._description}
        write_folder(Path(path), description, dict(self._network.state_dict()))

    @classmethod
    def load(cls, path: str | Path) -> ClassifierFeatures:
        """Read what `save` wrote; raises `FileError` where it is missing, foreign or damaged."""
        description, state = read_folder(
            Path(path), format_name=FORMAT, format_version=FORMAT_VERSION
        )
        try:
            shape = tuple(description["shape"])
            with NoLargerThan(state):
                network = _network(Standardise(shape), shape, description["classes"])
            check_weights(network, state)
            network.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
            return cls(network, description)
        except Exception as error:  # where anything may be damaged anything may be raised
            raise FileError(
                f"{path}/model.json is damaged: {shortly(error)}; take a whole copy of it"
            ) from error


class Standardise(nn.Module):
    """(x − mean)/scale by column of vectors, by channel of images; saved with the weights."""

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        sizes = shape if len(shape) == 1 else (shape[0], 1, 1)
        self.register_buffer("mean", torch.zeros(sizes))
        self.register_buffer("scale", torch.ones(sizes))

    def learn(self, inputs: Tensor) -> None:
        over = [axis for axis in range(inputs.ndim) if axis != 1]
        values = inputs.double()
        self.mean.copy_(values.mean(over).reshape(self.mean.shape))
        scale = values.std(over, correction=0).reshape(self.scale.shape)
        self.scale.copy_(torch.where(scale > 0, scale, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale


def _network(standardise: Standardise, shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """Inputs of a shape (p,) or (c, h, w) to 64 features to the classes' logits."""
    if len(shape) == 1:
        hidden = [standardise, *mlp(shape[0], [128], FEATURES), nn.ReLU()]
        return nn.Sequential(*hidden, nn.Linear(FEATURES, classes))
    c, h, w = shape
    # Pooling rounds sizes up, so that images of a single pixel pass too.
    size = 32 * -(-h // 4) * -(-w // 4)
    return nn.Sequential(
        standardise,
        nn.Conv2d(c, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(),
        nn.Linear(size, FEATURES),
        nn.ReLU(),
        nn.Linear(FEATURES, classes),
    )


def _train(
    network: nn.Sequential, inputs: Tensor, labels: Tensor, kept: np.ndarray, held: np.ndarray
) -> float:
    """Train until the loss of the held-out rows no longer falls; return their accuracy."""
    x, y = inputs[kept], labels[kept]
    x_held, y_held = inputs[held], labels[held]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    best, weights, waited = np.inf, copy.deepcopy(network.state_dict()), 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(network(x[batch]), y[batch]).backward()
            optimiser.step()
        with torch.no_grad():
            loss = float(cross_entropy(network(x_held), y_held))
        waited += 1
        if loss < best:
            best, weights, waited = loss, copy.deepcopy(network.state_dict()), 0
        elif waited == PATIENCE:
            break
    network.load_state_dict(weights)
    with torch.no_grad():
        return float((network(x_held).argmax(1) == y_held).double().mean())


def _inputs(data: Any) -> Tensor:
    """Vectors (n, p) or images with channels first, float32 and finite."""
    try:
        inputs = channels_first(torch.tensor(np.asarray(data, dtype=np.float32)))
    except (TypeError, ValueError) as error:
        raise InputError(f"a classifier takes numbers; {error}. Encode categories.") from error
    if inputs.ndim not in (2, 4) or 0 in inputs.shape:
        raise InputError(
            "a classifier takes vectors (n, p) or images (n, h, w[, c]), got shape "
            f"{np.shape(data)}. Reshape the data."
        )
    if not torch.isfinite(inputs).all():
        raise InputError(
            "a classifier takes finite numbers, got missing or infinite ones. Remove or fill them."
        )
    return inputs


def _labels(y: Any) -> tuple[Tensor, int]:
    kinds, labels = np.unique(np.asarray(y), return_inverse=True)
    return torch.tensor(labels.ravel()), len(kinds)
