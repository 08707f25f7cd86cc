"""Training in bfloat16: what is computed in it, what stays float32, and where it is refused."""

import logging

import numpy as np
import pytest
import torch

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.training.device import seeded
from pushforward.training.loop import Stream, Training, play

IMAGES = np.random.default_rng(0).random((60, 16, 16, 2))
SMALL = {"networks": "dcgan", "width": 4, "latent_dim": 4, "batch_size": 16, "device": "cpu"}


def start(precision, **options):
    gan = pf.GAN(**SMALL, precision=precision, **options)
    gan.encoding_ = Encoding().fit(IMAGES)
    x = torch.as_tensor(gan.encoding_.transform(IMAGES), dtype=torch.float32)
    with seeded(0):
        game = gan._game(*x.shape)
    stream = Stream(x, 16, game.noise, torch.Generator().manual_seed(0))
    return Training(game, stream, gan._optimisers(game), gan.precision)


def dtypes_of_layers(game):
    """The types of numbers that each convolution has given since."""
    seen = set()
    for layer in game.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            layer.register_forward_hook(lambda *found: seen.add(found[2].dtype))
    return seen


@pytest.mark.parametrize("simultaneous", [False, True])
def test_networks_compute_in_bfloat16_and_all_that_is_kept_is_float32(simultaneous):
    training = start("bfloat16", simultaneous=simultaneous)
    seen = dtypes_of_layers(training.game)
    played = next(play(training))
    assert seen == {torch.bfloat16}
    assert {t.dtype for terms in played.terms.values() for t in terms.values()} == {torch.float32}
    assert {p.dtype for p in training.game.parameters()} == {torch.float32}
    moments = [t for adam in training.optimisers.values() for t in (*adam.first, *adam.second)]
    assert {t.dtype for t in moments} == {torch.float32}


def test_the_default_is_float32():
    training = start(pf.GAN().precision)
    seen = dtypes_of_layers(training.game)
    next(play(training))
    assert seen == {torch.float32}


def test_gradients_differ_from_those_of_float32_by_rounding():
    found = {}
    for precision in ("float32", "bfloat16"):
        training = start(precision)
        x, noise = next(training.stream)
        name, loss = next(training.computed(training.game.joint(x, noise)))
        gradients = training.differentiate(name, loss)[1]
        found[precision] = torch.cat([g.flatten() for g in gradients])
    full, half = found.values()
    assert not torch.equal(full, half)
    assert torch.nn.functional.cosine_similarity(full, half, dim=0) > 0.99


def test_scores_and_samples_are_computed_in_float32(monkeypatch):
    seen = []
    gan = pf.GAN(**SMALL, precision="bfloat16", max_rounds=4, patience=40, random_state=0)
    generate = type(gan)._generate

    def watched(self, n, rng):
        types = dtypes_of_layers(self.game_.generator)
        rows = generate(self, n, rng)
        seen.append(set(types))
        return rows

    monkeypatch.setattr(type(gan), "_generate", watched)
    gan.fit(IMAGES, progress=False).sample(2, random_state=0)
    assert len(seen) >= 2
    assert set.union(*seen) == {torch.float32}


def test_restarts_in_bfloat16_train_one_by_one_and_say_so(caplog):
    gan = pf.GAN(**SMALL | {"networks": "mlp"}, precision="bfloat16", max_rounds=3, random_state=0)
    with caplog.at_level(logging.INFO, "pushforward"):
        gan.set_params(restarts=2).fit(IMAGES, progress=False)
    assert "one by one: a population computes in float32, not bfloat16" in caplog.text


def test_what_bfloat16_cannot_do_is_refused():
    for options in ({"penalty": "r1"}, {"unroll": 2}):
        with pytest.raises(InputError, match="precision='float32'"):
            pf.GAN(precision="bfloat16", **options).fit(IMAGES)
    with pytest.raises(InputError, match="precision among 'float32', 'bfloat16'"):
        pf.GAN(precision="float16").fit(IMAGES)


def test_a_checkpoint_of_another_precision_is_not_gone_on_from():
    full, half = (pf.GAN(**SMALL, precision=precision) for precision in ("float32", "bfloat16"))
    assert full._fixed() != half._fixed()
