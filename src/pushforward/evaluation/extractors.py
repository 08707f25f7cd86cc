"""Feature maps that are networks: any torch module, and Inception from a local file."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pushforward.errors import FileError, InputError
from pushforward.evaluation.features import Rows


class ModuleFeatures:
    """The output of a `torch.nn.Module`, or of one of its layers, one flat row per sample.

    Data are vectors (n, p) or images (n, h, w[, c]), which the module gets as (n, c, h, w), in its
    own dtype and on its own device. It runs in evaluation mode without gradients; its modes are
    put back as they were. `layer` is a name among `module.named_modules()`. The default name holds
    a digest of the weights: features of other weights cannot be compared.

    Raises `InputError` for a layer that is not there, not reached, or gives no tensor with one row
    per sample.

    >>> network = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> ModuleFeatures(network, name="tiny", layer="1")(np.zeros((5, 4))).shape
    (5, 3)
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str | None = None,
        batch_size: int = 256,
        layer: str | None = None,
    ) -> None:
        layers = [known for known, _ in module.named_modules() if known]
        if layer is not None and layer not in layers:
            raise InputError(
                f"expected a layer among {', '.join(layers) or 'none'}, got {layer!r}. Choose one "
                "of module.named_modules()."
            )
        self._module, self._batch_size, self._layer = module, batch_size, layer
        if name is None:
            name = f"{type(module).__name__} (weights {digest(module)})"
            name += f", layer {layer}" if layer is not None else ""
        self.name = name

    def __call__(self, data: Any) -> Rows:
        values = np.asarray(data)
        if values.dtype.kind not in "biuf" or values.ndim < 2:
            raise InputError(
                f"{self.name} takes vectors (n, p) or images (n, h, w[, c]) of numbers, got "
                f"{values.dtype} of shape {values.shape}. Encode categories, reshape the data."
            )
        like = next(self._module.parameters(), torch.zeros(0))

        def prepare(batch: np.ndarray) -> Tensor:
            return channels_first(torch.tensor(batch)).to(like.device, like.dtype)

        outputs: list[Any] = []
        hook = None
        if self._layer is not None:
            layer = self._module.get_submodule(self._layer)
            hook = layer.register_forward_hook(lambda *call: outputs.append(call[-1]))

        def forward(inputs: Tensor) -> Any:
            outputs.clear()
            output = self._module(inputs)
            if self._layer is None:
                return output
            return outputs[-1] if outputs else None

        try:
            return in_batches(self._module, forward, prepare, values, self._batch_size)
        finally:
            if hook is not None:
                hook.remove()


class InceptionFeatures:
    """The pooled 2048 features of Inception-v3 as the FID was defined with, from a local file.

    The network is torch-fidelity's port of the TensorFlow graph of 2015-12-05, resizing included;
    `weights` is its file, `weights-inception-2015-12-05-6726825d.pth` in torch-fidelity's releases,
    and is never downloaded. Images (n, h, w[, c]) are whole numbers 0..255; grey ones are repeated
    for three channels. The name holds extractor, layer, resizing, range and the digest of the file.

    Raises `InputError` where torch-fidelity is not installed or images are of another kind,
    `FileError` where the file is missing or not such weights.

    Heusel et al. 2017, arXiv:1706.08500; Szegedy et al. 2016, arXiv:1512.00567.
    """

    def __init__(self, weights: str | Path, *, batch_size: int = 64) -> None:
        path = Path(weights)
        if not path.is_file():
            raise FileError(
                f"expected the weights of Inception in a file at {path}; there is none. Download "
                "weights-inception-2015-12-05-6726825d.pth from the releases of torch-fidelity."
            )
        try:
            inception = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        except ImportError as error:
            raise InputError(
                f"Inception features need torch-fidelity, which cannot be imported ({error}). "
                'Install it with: pip install "pushforward[inception]"'
            ) from error
        try:
            # torch-fidelity would unpickle anything: only a file of plain tensors gets to it.
            torch.load(path, map_location="cpu", weights_only=True)
            self._network = inception.FeatureExtractorInceptionV3("inception", ["2048"], str(path))
        except (
            *(RuntimeError, ValueError, TypeError, AttributeError),
            *(EOFError, OSError, UnpicklingError),
        ) as error:
            raise FileError(
                f"{path} does not hold the weights of torch-fidelity's Inception "
                f"({type(error).__name__}: {str(error)[:200]}). Download them again."
            ) from error
        self._batch_size = batch_size
        version = importlib.import_module("torch_fidelity").__version__
        of_file = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        self.name = (
            f"inception-v3 of torch-fidelity {version}, layer 2048, images 0..255 resized to "
            f"299 × 299 as by TensorFlow 1 (bilinear), weights {of_file}"
        )

    def __call__(self, images: Any) -> Rows:
        images = _bytes(images)

        def prepare(batch: np.ndarray) -> Tensor:
            return channels_first(torch.tensor(batch)).expand(-1, 3, -1, -1)

        def forward(batch: Tensor) -> Tensor:
            return self._network(batch)[0]

        return in_batches(self._network, forward, prepare, images, self._batch_size)


def in_batches(
    module: nn.Module,
    forward: Callable[[Tensor], Any],
    prepare: Callable[[np.ndarray], Tensor],
    data: np.ndarray,
    batch_size: int,
) -> Rows:
    """The module's rows of all data, in evaluation mode and without gradients."""
    found = []
    with evaluating(module), torch.no_grad():
        for start in range(0, len(data), batch_size):
            batch = data[start : start + batch_size]
            output = forward(prepare(batch))
            if not isinstance(output, Tensor) or output.ndim == 0 or len(output) != len(batch):
                came = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
                raise InputError(
                    f"{type(module).__name__} must give a tensor with one row per sample, got "
                    f"{came} for {len(batch)} samples. Choose another layer or wrap the module."
                )
            found.append(output.reshape(len(batch), -1).cpu().double().numpy())
    if not found:
        raise InputError("features need at least one sample, got none.")
    return np.concatenate(found)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every submodule is in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


def channels_first(batch: Tensor) -> Tensor:
    """(n, h, w) as (n, 1, h, w), (n, h, w, c) as (n, c, h, w), vectors (n, p) as they are."""
    if batch.ndim == 3:
        return batch.unsqueeze(1)
    return batch.permute(0, 3, 1, 2) if batch.ndim == 4 else batch


def digest(module: nn.Module) -> str:
    """Eight hexadecimal digits of the SHA-256 of the weights."""
    weights = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return weights.hexdigest()[:8]


def _bytes(images: Any) -> np.ndarray:
    """Images (n, h, w) or (n, h, w, 1 or 3) as uint8, or `InputError`."""
    values = np.asarray(images)
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[3] not in (1, 3)):
        raise InputError(
            "Inception takes images (n, h, w) or (n, h, w, 3), got an array of shape "
            f"{values.shape}. Reshape it."
        )
    if values.dtype == np.uint8:
        return values
    whole = values.dtype.kind in "iuf" and np.array_equal(values, np.rint(values))
    if not whole or values.min(initial=0) < 0 or values.max(initial=0) > 255:
        raise InputError(
            f"Inception takes images of whole numbers 0..255, got {values.dtype} from "
            f"{values.min(initial=0):.4g} to {values.max(initial=0):.4g}. Scale and round them."
        )
    return values.astype(np.uint8)
