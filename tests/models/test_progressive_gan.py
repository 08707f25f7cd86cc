"""Progressive growing: its schedule, its losses, and a fit that is interrupted in a fade."""

from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

import pushforward as pf
import pushforward.models.fitting as fitting
from pushforward.errors import InputError
from pushforward.models.neural import CHANCE
from pushforward.models.progressive_gan import Growth, ProgressiveGAN
from pushforward.networks.growing import as_drawn, enlarged, shrunk
from pushforward.training.device import seeded
from pushforward.training.game import Game, Player
from pushforward.training.loop import Stream, Training, optimisers_for, play

PHASE = 4  # 16 pixels are grown to in 2 · 2 · 4 = 16 rounds
TINY = {
    "width": 4,
    "latent_dim": 4,
    "phase_rounds": PHASE,
    "batch_size": 8,
    "max_rounds": 20,
    "random_state": 0,
}


def images(n=40, side=16, *channels, seed=0):
    return np.random.default_rng(seed).random((n, side, side, *channels))


def start(**options):
    """A game about to begin."""
    sampler = ProgressiveGAN(**TINY | options)
    Z, _ = sampler._before(images())
    with seeded(0):
        game = sampler._game(*Z.shape)
    x = torch.as_tensor(Z, dtype=torch.float32)
    stream = Stream(x, 8, game.noise, torch.Generator().manual_seed(0))
    return Training(game, stream, sampler._optimisers(game))


def grow(game, level):
    game.generator.level.fill_(level)
    game.discriminator.level.fill_(level)


# The schedule


def test_phases_are_steady_and_fading_in_turn():
    growth = Growth(last=3, phase=7)
    levels = [growth.level(played) for played in range(60)]
    assert levels[:7] == [0.0] * 7
    assert levels[7:14] == pytest.approx([k / 7 for k in range(1, 8)])
    assert levels[14:21] == [1.0] * 7
    assert levels[35:42] == pytest.approx([2 + k / 7 for k in range(1, 8)])
    assert growth.rounds == 42
    assert set(levels[41:]) == {3.0}


def test_the_level_follows_the_rounds_played():
    training = start()
    game = training.game
    for played in islice(play(training), 20):
        expected = game.growth.level(played.number)
        assert game.played == played.number
        assert game.generator.level.item() == pytest.approx(expected)
        assert game.discriminator.level.item() == pytest.approx(expected)


# The losses


class Linear(nn.Module):
    """ℓ(x) = a·x, which keeps what it was shown."""

    def __init__(self, slope):
        super().__init__()
        self.slope = nn.Parameter(slope)
        self.register_buffer("level", torch.zeros(()))
        self.shown = []

    def forward(self, x):
        self.shown.append(x.detach())
        return x.flatten(1) @ self.slope[:, None]


@pytest.mark.parametrize("size", [0.2, 1.0, 3.0])
def test_losses_in_closed_form(size):
    """The penalty of a·x is λ(|a| − 1)², wherever it is taken."""
    training = start(penalty_weight=10.0)
    game, (x, noise) = training.game, next(training.stream)
    slope = torch.randn(256, generator=torch.Generator().manual_seed(1))
    game.discriminator = Linear(size * slope / slope.norm())
    grow(game, 1.25)
    terms, _ = game("discriminator", x, noise)
    real, fake, _ = game.discriminator.shown
    values = real.flatten(1) @ game.discriminator.slope
    others = fake.flatten(1) @ game.discriminator.slope
    expected = {
        "real": -values.mean().item(),
        "fake": others.mean().item(),
        "drift": 1e-3 * values.square().mean().item(),
        "penalty": 10 * (size - 1) ** 2,
    }
    assert {k: t.item() for k, t in terms.items()} == pytest.approx(expected, rel=1e-4, abs=1e-5)
    fooled, _ = game("generator", x, noise)
    assert {k: t.item() for k, t in fooled.items()} == pytest.approx(
        {"fool": -others.mean().item()}
    )


def test_each_image_has_its_own_mixture_in_the_penalty_and_all_have_one_fade():
    training = start()
    game, (x, noise) = training.game, next(training.stream)
    game.discriminator = Linear(torch.ones(256))
    grow(game, 1.25)
    game("discriminator", x, noise)
    real, fake, between = game.discriminator.shown  # apart: no row is judged beside the other kind
    assert torch.equal(real, as_drawn(game.images(x), 1.25, 2))
    assert torch.equal(fake, game.generator(noise["z"]))
    mix = noise["mix"]
    assert mix.shape == (8, 1, 1, 1)
    assert len(mix.unique()) == 8
    torch.testing.assert_close(between, mix * real + (1 - mix) * fake)
    assert game.generator.level == game.discriminator.level == 1.25


# What moves


def weights(game):
    return {name: p.detach().clone() for name, p in game.named_parameters()}


def test_stages_not_yet_reached_do_not_move_and_all_others_do():
    training = start()
    game = training.game
    rounds = play(training)
    # Those that paint or read an image are used until the next stage has been faded in.
    for stop, blocks, painters in (
        (PHASE, [0], [0]),
        (3 * PHASE, [0, 1], [0, 1]),
        (5 * PHASE, [0, 1, 2], [1, 2]),
    ):
        before = weights(game)
        for played in rounds:
            if played.number == stop:
                break
        after = weights(game)
        for name, value in after.items():
            _, kind, stage, *_ = name.split(".")
            moving = blocks if kind == "blocks" else painters
            assert torch.equal(value, before[name]) == (int(stage) not in moving), (stop, name)


def test_optimisers_begin_anew_with_a_stage():
    training = start()
    for played in islice(play(training), PHASE + 2):
        steps = {int(o.steps) for o in training.optimisers.values()}
        if played.number == PHASE - 1:
            assert steps == {PHASE - 1}
            assert any(s.any() for s in training.optimisers["generator"].second)
        elif played.number == PHASE:
            assert steps == {0}
            assert not any(s.any() for o in training.optimisers.values() for s in o.second)
    assert steps == {2}


def test_a_parameter_that_no_loss_uses_is_still_a_mistake_elsewhere():
    class Forgetful(Game):
        def __init__(self):
            super().__init__()
            self.used, self.forgotten = nn.Linear(2, 1), nn.Linear(2, 1)

        def players(self):
            return (Player("one", self.loss, (self.used, self.forgotten)),)

        def noise(self, n, rng):  # noqa: ARG002
            return {}

        def loss(self, x, noise):  # noqa: ARG002
            return {"error": self.used(x).square().mean()}

    game = Forgetful()
    stream = Stream(torch.ones(8, 2), 4, game.noise, torch.Generator().manual_seed(0))
    training = Training(game, stream, optimisers_for(game, 1e-3))
    with pytest.raises(RuntimeError, match="not have been used"):
        next(play(training))


# The estimator


@pytest.mark.parametrize("end", [5, 6, 14])  # in the first fade, and in the second
@pytest.mark.slow
def test_a_fit_that_is_interrupted_in_a_fade_ends_in_the_same_bytes(end, tmp_path, monkeypatch):
    X = images()
    ProgressiveGAN(**TINY).fit(X).save(tmp_path / "whole")

    def interrupted(rounds, **_):
        for played in rounds:
            yield played
            if played.number == end:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "save", partial(fitting.save, seconds=0.0))
        patch.setattr(fitting, "progress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ProgressiveGAN(**TINY).fit(X, checkpoint=tmp_path / "c")
    resumed = ProgressiveGAN(**TINY).fit(X, checkpoint=tmp_path / "c")
    assert resumed.history_ == ProgressiveGAN(**TINY).fit(X).history_
    resumed.save(tmp_path / "model")
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_scores_stop_nothing_before_the_last_stage():
    gan = ProgressiveGAN(**TINY | {"patience": 1, "max_rounds": 24}).fit(images())
    growth = 4 * PHASE
    assert gan.scores_[0][0] < growth
    assert gan.best_round_ >= growth
    assert gan.resolution_ == 16
    counted = dict(s for s in gan.scores_ if s[0] >= growth)
    assert counted[gan.best_round_] < min(counted.values()) + CHANCE  # the newest as good by chance


@pytest.mark.parametrize(("rounds", "side"), [(3, 4), (6, 8), (10, 8), (14, 16)])
def test_before_the_end_of_growing_it_draws_at_its_stage_and_says_so(rounds, side):
    gan = ProgressiveGAN(**TINY | {"max_rounds": rounds, "patience": 1}).fit(images())
    assert gan.n_rounds_ == gan.best_round_ == rounds
    assert gan.resolution_ == side
    (finding, *_) = gan.diagnosis_
    assert finding.name == "STILL_GROWING"
    assert f"{side}×{side} of 16×16 pixels" in finding.sentence
    drawn = torch.as_tensor(gan.sample(5, random_state=0))[:, None]
    torch.testing.assert_close(enlarged(shrunk(drawn, 16 // side), 16 // side), drawn)
    if side < 16:
        assert not torch.allclose(enlarged(shrunk(drawn, 2 * 16 // side), 2 * 16 // side), drawn)


def test_a_budget_leaves_a_model_of_the_stage_it_reached():
    gan = ProgressiveGAN(**TINY | {"phase_rounds": 2000, "max_rounds": 50_000})
    gan.fit(images(), budget=0.5)
    assert gan.stopped_by_ == "budget"
    assert gan.diagnosis_[0].name == "STILL_GROWING"
    assert gan.sample(3, random_state=0).shape == (3, 16, 16)


def test_a_grown_model_says_nothing_of_growing():
    gan = ProgressiveGAN(**TINY).fit(images())
    assert all(finding.name != "STILL_GROWING" for finding in gan.diagnosis_)


def test_saved_loaded_and_coloured(tmp_path):
    X = (255 * images(30, 8, 3)).astype(np.uint8)
    gan = ProgressiveGAN(**TINY | {"max_rounds": 6}).fit(X)
    drawn = gan.sample(4, random_state=1)
    assert drawn.shape == (4, 8, 8, 3)
    assert drawn.dtype == np.uint8
    loaded = pf.load_model(gan.save(tmp_path / "model"))
    assert loaded.resolution_ == gan.resolution_ == 8
    assert np.array_equal(loaded.sample(4, random_state=1), drawn)


def test_restarts_and_populations_are_solo_fits():
    X, seeds, options = images(), [0, 3], TINY | {"max_rounds": 6}
    fits = pf.fit_population(ProgressiveGAN(**options), X, random_states=seeds, progress=False)
    for seed, member in zip(seeds, fits, strict=True):
        solo = ProgressiveGAN(**options | {"random_state": seed}).fit(X)
        assert np.array_equal(member.sample(3, random_state=0), solo.sample(3, random_state=0))
    assert len(ProgressiveGAN(**options, restarts=2).fit(X).restart_scores_) == 2


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (images(20, 28), {}, r"got 28×28; pad them to 32×32"),
        (images(20, 16)[:, :, :12], {}, r"got 16×12; pad them to 16×16"),
        (images(20, 4), {}, r"got 4×4; pad them to 8×8"),
        (images(20, 8).reshape(20, -1), {}, "expected images"),
        (images(4), {"latent_dim": None}, "at least 4 training images"),
        (images(), {"batch_size": 3}, "batch_size to be at least 4"),
        (images(), {"phase_rounds": 0}, "phase_rounds"),
        (images(), {"base": 1.5}, "base"),
        (images(), {"penalty_weight": 0}, "penalty_weight"),
    ],
)
def test_what_cannot_be_grown_to_is_refused(X, options, message):
    with pytest.raises(InputError, match=message):
        ProgressiveGAN(**TINY | options).fit(X)
