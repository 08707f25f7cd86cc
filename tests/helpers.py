"""Every method of the registry with tiny networks and few rounds, for laws that run over it."""

import numpy as np

from pushforward.methods import METHODS
from pushforward.sampler import Sampler

TINY = {
    "autoencoder": {"hidden": (8,), "max_rounds": 30},
    "vae": {"hidden": (8,), "max_rounds": 30},
    "gan": {"hidden": (8,), "max_rounds": 30},
    "conditional-vae": {"hidden": (8,), "max_rounds": 30},
    "conditional-gan": {"hidden": (8,), "max_rounds": 30},
    "conditional-r3-gan": {"hidden": (8,), "max_rounds": 30},
    "bi-gan": {"hidden": (8,), "max_rounds": 100},
    "alice": {"hidden": (8,), "max_rounds": 100},
    "info-gan": {"categories": 2, "hidden": (8,), "max_rounds": 30},
    "cycle-gan": {"hidden": (8,), "max_rounds": 30},
    "sim-gan": {"width": 4, "blocks": 1, "batch_size": 8, "max_rounds": 10},
    "shared-autoencoder": {"width": 2, "latent_dim": 4, "batch_size": 8, "max_rounds": 20},
    "super-resolution": {"width": 2, "blocks": 1, "warm_up": 3, "max_rounds": 20},
    "progressive-gan": {"width": 4, "latent_dim": 4, "phase_rounds": 2, "max_rounds": 20},
    "maximum-likelihood": {"family": "norm"},
}
ADVERSARIAL = [name for name, method in METHODS.items() if method.where == "models.gan:GAN"]
TINY |= dict.fromkeys(ADVERSARIAL, TINY["gan"])
TINY["wgan"] = TINY["wgan"] | {"warm_up": 7}
TINY["dc-gan"] = TINY["gan"] | {"latent_dim": 4}
NAMES = [n for n, m in METHODS.items() if m.learns and "images" not in m.needs]
ON_IMAGES = [n for n, m in METHODS.items() if "images" in m.needs]  # and on nothing else
# One of each class, and a GAN with other draws: for laws of what is around a method's game.
CLASSES = [name for name in NAMES if name not in ADVERSARIAL or name in ("gan", "r3-drs-gan")]


def tiny(name: str, **options) -> Sampler:
    """An unfitted sampler of that method that fits in a fraction of a second."""
    return METHODS[name].make(**(TINY.get(name, {}) | options))


def beside(sampler: Sampler, X):
    """What a sampler takes beside rows, made up: labels in turn, or the rows once more."""
    if sampler.takes == "labels":
        return np.arange(len(X)) % 2
    return X if sampler.takes == "other rows" else None


def fit(sampler: Sampler, X, **options) -> Sampler:
    """The sampler fitted to rows, and to what it takes beside them."""
    return sampler.fit(X, beside(sampler, X), **options)
