"""How far images can be told from real ones: two classifiers, on images that they did not learn."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.simulated import shrink
from pushforward.evaluation.c2st import ClassifierTest, classifier_test
from pushforward.evaluation.features import as_rows

SIDE = 64  # pixels: larger images are made smaller before they are compared
LEVEL = 0.05

See = Callable[[NDArray], Any]


@dataclass(frozen=True)
class Told:
    """The test accuracies of both classifiers; ½ is chance."""

    nearest: ClassifierTest  # the majority of the nearest images
    network: ClassifierTest  # one hidden layer of 20 units

    @property
    def apart(self) -> bool:
        """Whether either tells them apart, at 5 % for both together."""
        return min(self.nearest.p_value, self.network.p_value) < LEVEL / 2


def told(real: NDArray, other: NDArray, see: See) -> Told:
    """How often classifiers of what `see` makes of images tell `other` ones from `real` ones.

    >>> rng = np.random.default_rng(0)
    >>> told(rng.random((40, 8, 8)), rng.random((40, 8, 8)) + 1, pixels).nearest.accuracy
    1.0
    """
    a, b = (as_rows(see(images), "features of images") for images in (real, other))
    return Told(classifier_test(a, b, "knn"), classifier_test(a, b, "neural"))


def gain(before: Told, after: Told) -> str:
    """Whether after is told less often: "nearer", "farther", "mixed", or "unclear".

    A classifier counts where the 95 % intervals of its two accuracies do not overlap; "mixed" is
    where one tells less often and the other more.
    """
    pairs = [(before.nearest, after.nearest), (before.network, after.network)]
    less = any(now.interval[1] < then.interval[0] for then, now in pairs)
    more = any(now.interval[0] > then.interval[1] for then, now in pairs)
    if less and more:
        return "mixed"
    return "nearer" if less else "farther" if more else "unclear"


def pixels(images: NDArray) -> NDArray[np.float64]:
    """Images as rows of their pixels; of large ones, of means of pixels, at most 64 each way.

    >>> pixels(np.zeros((2, 130, 65))).shape
    (2, 903)
    """
    h, w = images.shape[1:3]
    factor = min(math.ceil(max(h, w) / SIDE), h, w)  # something is left of a narrow one
    cut = images[:, : h - h % factor, : w - w % factor]  # shrink asks for whole blocks
    return shrink(cut, factor).reshape(len(images), -1)
