"""Super-resolution on held-out images: small, bicubic, upscaled and true, and how near each is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pushforward.data.simulated import shrink
from pushforward.evaluation.features import feature_name
from pushforward.evaluation.image_quality import WINDOW, perceptual_distance, psnr, ssim
from pushforward.models.super_resolution import SuperResolution
from pushforward.report.before_after import (
    Band,
    Changes,
    Way,
    checked,
    distance,
    known_rows,
    limits_of,
    percent,
    told_cells,
    unit,
)
from pushforward.report.telling import See, Told, pixels, told

EXACT = 99.0  # decibels, of images that are the same
LIMITS = (
    "Details are invented: many large images have one small version, and the model draws one that "
    "looks likely. A face, a plate or a cell that was upscaled is no evidence.",
    "The held-out images were made small here, by means of pixels. What a camera or another "
    "programme made small is something else, and the numbers need not hold for it.",
    "The nearest by pixels is not the sharpest: bicubic and squared error blur, and PSNR rewards "
    "that. Look at the rows.",
)
TOLD = ("told by nearest images", "told by a network")
BETTER = {"PSNR, dB": "↑ higher", "SSIM": "↑ 1", "in features": "↓ 0", "small again": "↓ 0"}
BETTER |= dict.fromkeys(TOLD, "→ ½")
MEANINGS = {
    "PSNR, dB": "peak signal-to-noise ratio against the true image, the mean over images.",
    "SSIM": "structural similarity to the true image (Wang et al. 2004), 1 for the same.",
    "in features": "squared distance to the true image in the features “{}”, as a share of what "
    "true images differ by; 0 is the same.",
    "small again": "mean absolute difference from the small image, after making the large one "
    "small again; black 0 and white 1.",
    "told by nearest images": "how often the majority of the nearest images says rightly which "
    "are true, of images that it did not learn from, with its 95\u00a0% interval; ½ is chance.",
    "told by a network": "the same of a network with a hidden layer of 20 units.",
}


def enlargements(model: SuperResolution, X: Any, see: See) -> Changes:
    """What a model of super-resolution makes of held-out large images that were made small.

    Raises:
        InputError: images of another shape or in other units than those that were fitted.
    """
    encoding = model.encoding_
    images = checked(X, encoding, "held-out images, large ones,")
    limits = limits_of(encoding)
    low = shrink(images, model.factor)
    true, small = unit(images, limits), unit(low, limits)
    upscaled, plain = model.upscale(low), bicubic(small, model.factor)
    ours = unit(upscaled, limits)
    ways = {"bicubic": plain, "upscaled": ours, "true": true}
    values = (limits[0] + plain * (limits[1] - limits[0]), upscaled, images)
    in_units, half = dict(zip(ways, values, strict=True)), len(images) // 2
    seen = {name: told(images[half:], x[:half], see) for name, x in in_units.items()}
    featured = _in_features(in_units, see)
    table = {
        name: _near(x, true, small, model.factor)
        | featured[name]
        | dict(zip(TOLD, told_cells(seen[name]), strict=True))
        for name, x in ways.items()
    }
    names = list(table["true"])
    sizes = ["×".join(map(str, x.shape[1:3])) for x in (small, true)]
    enlarged = small.repeat(model.factor, axis=1).repeat(model.factor, axis=2)
    bands = [Band(f"small, {sizes[0]}", enlarged), *(Band(k, x) for k, x in ways.items())]
    way = Way(
        f"From {sizes[0]} to {sizes[1]}",
        bands,
        [(name, BETTER[name]) for name in names],
        [(name, [cells[column] for column in names]) for name, cells in table.items()],
        f"{len(true)} held-out images. Told: one half of them, upscaled, against the true other "
        "half.",
    )
    meanings = [(name, MEANINGS[name].format(feature_name(see))) for name in names]
    answer = [_answer(ours, plain, true, model.factor), _told(seen), *_seen_before(model, low)]
    return Changes("Is it sharper than bicubic, and right?", answer, [way], LIMITS, meanings)


def bicubic(small: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Pillow's bicubic upscaling of images (n, h, w[, c]), cut off at 0 and 1.

    >>> bicubic(np.full((1, 2, 2), 0.5), 2).shape
    (1, 4, 4)
    """
    n, h, w = small.shape[:3]
    planes = np.moveaxis(small.reshape(n, h, w, -1), 3, 1).reshape(-1, h, w).astype(np.float32)
    size, method = (w * factor, h * factor), Image.Resampling.BICUBIC
    large = np.stack([np.asarray(Image.fromarray(x).resize(size, method)) for x in planes])
    channels = np.moveaxis(large.reshape(n, -1, h * factor, w * factor), 1, 3)
    return channels.reshape(n, h * factor, w * factor, *small.shape[3:]).clip(0, 1).astype(float)


def _near(images: NDArray, true: NDArray, small: NDArray, factor: int) -> dict[str, str]:
    """How near images, from 0 to 1, are to the true and to the small ones, by name."""
    cells = {"PSNR, dB": "∞" if images is true else f"{_decibels(images, true).mean():.2f}"}
    if min(true.shape[1:3]) >= WINDOW:
        cells["SSIM"] = f"{ssim(images, true).mean():.3f}"
    return cells | {"small again": f"{distance(shrink(images, factor), small):.4f}"}


def _in_features(ways: dict[str, NDArray], see: See) -> dict[str, dict[str, str]]:
    """How near images in the units of the data are to the true ones in features, if there are."""
    if see is pixels:
        return {name: {} for name in ways}
    return {
        name: {"in features": f"{perceptual_distance(see, images, ways['true']).mean():.4f}"}
        for name, images in ways.items()
    }


def _decibels(images: NDArray, true: NDArray) -> NDArray[np.float64]:
    return np.minimum(psnr(images, true), EXACT)


def _answer(ours: NDArray, plain: NDArray, true: NDArray, factor: int) -> str:
    """Which is nearer by pixels, as PSNR counts them."""
    mine, theirs = _decibels(ours, true), _decibels(plain, true)
    wins = int((mine > theirs).sum())
    numbers = (
        f"{mine.mean():.1f} dB of PSNR against {theirs.mean():.1f}, and nearer to the true image "
        f"in {'all' if wins == len(true) else f'{wins} of'} {len(true)}"
    )
    if 2 * wins > len(true) and mine.mean() > theirs.mean():
        return (
            f"Upscaled {factor} times, images are nearer to the true ones than bicubic: {numbers}."
        )
    return f"By pixels, bicubic is as near to the true images, or nearer: the model has {numbers}."


def _told(seen: dict[str, Told]) -> str:
    """What the classifiers say of both."""
    ours, plain = seen["upscaled"], seen["bicubic"]
    return (
        f"A small network tells them from other true images {percent(ours.network.accuracy)} of "
        f"the time, bicubic ones {percent(plain.network.accuracy)}; 50% is chance."
    )


def _seen_before(model: SuperResolution, low: NDArray) -> list[str]:
    """Held-out images that are none, by the small versions that the model stores."""
    numbers = model.encoding_.numbers
    assert numbers is not None
    least, most = float(numbers.low[0]), float(numbers.high[0])
    middle, half = (least + most) / 2, ((most - least) / 2) or 1.0
    encoded = (low.reshape(*low.shape[:3], -1) - middle) / half
    known = known_rows(model.source_, encoded.transpose(0, 3, 1, 2).reshape(len(low), -1))
    if not known:
        return []
    return [
        f"{known} of these {len(low)} images are training images of the model: the numbers flatter "
        "it. Hold other images out."
    ]
