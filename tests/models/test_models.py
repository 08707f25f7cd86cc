"""The neural methods against closed forms."""

import numpy as np
import pytest
import torch

import pushforward as pf
from pushforward.data.toys import manifold
from pushforward.errors import Diverged, InputError
from pushforward.models.objectives import OBJECTIVES


def test_losses_stay_finite_where_the_sigmoid_does_not():
    extreme = torch.tensor([[1e4], [-1e4]])
    for name in ("minimax", "non-saturating", "hinge", "relativistic"):
        objective = OBJECTIVES[name]()
        for terms in (
            objective.discriminator(extreme, extreme),
            objective.generator(extreme, extreme),
        ):
            assert all(torch.isfinite(value) for value in terms.values())


@pytest.mark.parametrize("name", ["gan", "vae", "autoencoder"])
def test_options_out_of_range_are_told(name):
    X = np.random.default_rng(0).normal(size=(20, 4))
    for options, words in (
        ({"latent_dim": 0}, "latent_dim to be a whole number above 0"),
        ({"latent_dim": 2.5}, "latent_dim to be a whole number above 0"),
        ({"latent_dim": 30}, r"rows as latent dimensions \(30\), got \d+ rows"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_rounds": "many"}, "max_rounds"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"average": 1.0}, "average"),
        ({"hidden": "wide"}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
    ):
        with pytest.raises(InputError, match=words):
            pf.METHODS[name].make(**options).fit(X)
    with pytest.raises(InputError, match=r"objective among 'minimax', .* got 'w'"):
        pf.GAN(objective="w").fit(X)
    with pytest.raises(InputError, match="prior among"):
        pf.GAN(prior="cauchy").fit(X)


def test_divergence_is_named():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(Diverged, match="not finite; try a smaller learning_rate"):
        pf.VAE(learning_rate=1e30, max_rounds=200, random_state=0).fit(X)


def test_training_improves_on_where_it_began():
    """Samples of the kept state are nearer to unseen rows than those of the first rounds."""
    source = manifold()
    X, held = (source.draw(500, np.random.default_rng(seed)) for seed in (0, 1))
    vae = pf.VAE(max_rounds=1500, random_state=0).fit(X, validation=held)
    scores = dict(vae.scores_)
    assert scores[vae.best_round_] == min(scores.values())
    assert min(scores.values()) < 0.6 * vae.scores_[0][1]
