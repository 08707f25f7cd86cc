"""SimGAN against its equations, its history against the paper's procedure, its first round."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, FileError, InputError
from pushforward.models.history import HistoryBuffer
from pushforward.models.refinement import Refinement, Turns
from pushforward.models.sim_gan import SimGAN
from pushforward.networks.refiner import Refiner
from pushforward.training.device import seeded
from pushforward.training.loop import Stream, Training, play
from pushforward.training.population import Population

SIZE, P, N = 8, 64, 6
TINY = {
    "width": 4,
    "blocks": 1,
    "batch_size": 8,
    "history": 20,
    "discriminator_start": 3,
    "max_rounds": 6,
    "random_state": 0,
}


def domains(n=40, m=30, seed=0, channels=()):
    rng = np.random.default_rng(seed)
    A = (rng.random((n, SIZE, SIZE, *channels)) > 0.5).astype(float)
    return A, 0.2 + 0.6 * rng.random((m, SIZE, SIZE, *channels))


def start(**options):
    """A game about to begin, of every option that is not as published."""
    A, B = domains()
    sampler = SimGAN(**TINY | options)
    Z, _ = sampler._before(A, B)
    with seeded(0):
        game = sampler._game(*Z.shape)
    x = torch.as_tensor(Z, dtype=torch.float32)
    stream = Stream(x, 8, game.noise, torch.Generator().manual_seed(0))
    return Training(game, stream, sampler._optimisers(game))


# The game's equations


class Shift(nn.Module):
    """A refiner that adds a constant."""

    noises = 0

    def __init__(self, by):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, rows):
        return rows + self.by


class Says(nn.Module):
    """Values of four patches: one where the mean of a row is above the level, else another."""

    def __init__(self, low, high, level):
        super().__init__()
        self.low, self.high, self.level = low, high, level

    def forward(self, rows):
        high = rows.mean(1, keepdim=True) > self.level
        return torch.where(high, self.high, self.low).expand(-1, 4)


def closed(weight, low, high):
    """R adds 3 to simulated rows of 0, and real rows are 10: D says `low` and `high`."""
    real = torch.full((30, P), 10.0)
    return Refinement(Shift(3.0), Says(low, high, 5.0), nn.Identity(), real, weight, history=0)


def loss(game, player):
    x, noise = torch.zeros(N, P), game.noise(N, torch.Generator().manual_seed(2))
    return {k: t.item() for k, t in game(player, x, noise).terms.items()}


def test_losses_in_closed_form():
    """D = σ(ℓ) is the probability of being refined: σ(2) for refined rows, σ(−1) for real ones."""
    game = closed(0.5, low=2.0, high=-1.0)
    refined, real = torch.sigmoid(torch.tensor([2.0, -1.0])).tolist()
    expected = {"refined": -np.log(refined), "real": -np.log(1 - real)}
    assert loss(game, "discriminator") == pytest.approx(expected, rel=1e-5)
    game.opened.fill_(1.0)
    # −log(1 − D(R(x))) of a patch, and λ ‖R(x) − x‖₁ a fourth of it: there are four patches.
    expected = {"fool": -np.log(1 - refined), "change": 0.5 * 3 * P / 4}
    assert loss(game, "refiner") == pytest.approx(expected, rel=1e-5)


def test_values_far_from_nought_cost_what_they_should():
    """Where σ(ℓ) is 1 in single precision, its logarithm would be infinite."""
    game = closed(0.0, low=200.0, high=200.0)
    game.opened.fill_(1.0)
    assert loss(game, "refiner")["fool"] == pytest.approx(200.0)
    assert loss(game, "discriminator") == pytest.approx({"refined": 0.0, "real": 200.0})


def test_the_change_of_the_mean_of_channels_leaves_colours_free():
    A, B = domains(channels=(3,))
    game = SimGAN(**TINY, compare="channel-mean").fit(A, B).game_
    x = torch.zeros(2, 3 * P)
    moved = x.reshape(2, SIZE, SIZE, 3) + torch.tensor([0.5, -0.2, -0.3])
    assert game.compared(moved.reshape(2, -1)).abs().max() < 1e-6
    brighter = x + 0.3
    change = (game.compared(brighter) - game.compared(x)).abs().sum(1)
    assert torch.allclose(change, torch.full((2,), 0.3 * P))


def test_a_discriminator_of_patches_says_more_of_an_image_than_one_value():
    for patch, values in ((16, 4), (None, 1)):  # 8 pixels, halved to 4, and two that lose one each
        game = start(patch=patch).game
        assert game.discriminator(torch.zeros(2, P)).shape == (2, values)


# The history


def reference(rows, size, fresh, recalled, places):
    """The paper's procedure on lists: what is shown, and what is kept."""
    half = len(recalled)
    shown = list(fresh) + ([rows[i] for i in recalled] if rows else list(fresh[:half]))
    rows = list(rows)
    for k in range(half):
        if len(rows) < size:
            rows.append(fresh[k])
        else:
            rows[places[k]] = fresh[k]
    return shown, rows


@pytest.mark.parametrize(("n", "size"), [(8, 12), (7, 9), (2, 5), (6, 3), (1, 4)])
def test_half_of_what_is_shown_is_from_the_history_and_half_of_the_new_replace_others(n, size):
    rng, half = torch.Generator().manual_seed(0), n // 2
    history, kept = HistoryBuffer(size, 1), []
    for k in range(100):
        fresh = torch.arange(n - half, dtype=torch.float32)[:, None] + 100 * k
        drawn = history.noise(n, rng)
        recalled = [int(u * len(kept)) for u in drawn["recalled"][:half].tolist()]
        shown, after = history.show(fresh, **drawn)
        before = history.rows.clone()
        history.load_state_dict(after)
        changed = torch.nonzero(history.rows[:, 0] != before[:, 0])[:, 0].tolist()
        if len(kept) + half > size and len(kept) < size:  # the last free places
            kept = history.rows[:, 0].tolist()
            continue
        full = len(kept) == size
        new = fresh[:, 0].tolist()
        where = {history.rows[i, 0].item(): i for i in changed}
        places = [where[row] for row in new[:half]] if full else []
        expected, kept = reference(kept, size, new, recalled, places)
        assert shown[:, 0].tolist() == expected
        assert history.rows[: len(kept), 0].tolist() == kept
        assert int(history.filled) == len(kept)
        if full:
            assert len(changed) == half  # as many places as new rows, none taken twice


def test_each_place_of_the_history_is_as_likely_to_be_replaced_and_to_be_recalled():
    n, size, rng = 10, 13, torch.Generator().manual_seed(1)
    history, replaced, recalled = HistoryBuffer(size, 1), torch.zeros(size), torch.zeros(size)
    history.filled.fill_(size)
    rounds = 4000
    for _ in range(rounds):
        history.rows.copy_(torch.arange(size)[:, None])
        shown, after = history.show(torch.full((5, 1), -1.0), **history.noise(n, rng))
        replaced += after["rows"][:, 0] < 0
        recalled += torch.bincount(shown[5:, 0].long(), minlength=size)
    for counts in (replaced, recalled):
        assert counts.sum() == 5 * rounds
        share = counts / rounds / (5 / size)
        assert (share - 1).abs().max() < 0.1  # five of their standard errors


def test_a_draw_that_rounds_to_one_is_in_the_history():
    history = HistoryBuffer(4, 1)
    history.load_state_dict({"rows": torch.arange(4.0)[:, None], "filled": torch.tensor([4])})
    largest = torch.full((4,), 1 - 2**-24)
    shown, after = history.show(torch.tensor([[8.0], [9.0]]), largest, largest)
    assert shown[:, 0].tolist() == [8.0, 9.0, 3.0, 3.0]
    assert sorted(after["rows"][:, 0].tolist())[2:] == [8.0, 9.0]


def test_without_a_history_all_that_is_refined_is_shown_new():
    """The reference re-implementation had a switch for it that changed nothing."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(8, P, generator=rng)
    seen = {}
    for size in (0, 20):
        game = start(history=size).game
        if size:
            game.history.rows.fill_(0.7)
            game.history.filled.fill_(size)
        game.discriminator.register_forward_hook(lambda _, rows, __: seen.update(rows=rows[0]))
        game.judge(x, game.noise(8, torch.Generator().manual_seed(0)))
        past = (seen["rows"][:8] == 0.7).all(1)
        assert int(past.sum()) == (4 if size else 0)
        assert len(seen["rows"]) == 16


# Turns


def test_in_the_first_round_the_refiner_starts_alone_then_the_discriminator():
    training = start(refiner_start=4, discriminator_start=3, refiner_turns=2)
    moves, original = [], training.move

    def move(player, loss, *rest):
        moves.append((player[0], bool(loss.terms.get("fool", 1.0) > 0)))
        return original(player, loss, *rest)

    training.move = move
    for _ in islice(play(training), 3):
        pass
    alone = [("r", False)] * 4 + [("d", True)] * 3
    rounds = [("r", True), ("d", True)] + [("r", True), ("r", True), ("d", True)] * 2
    assert moves == alone + rounds


def test_a_start_counts_in_the_first_round_only():
    assert [Turns(3, 5)(number) for number in (1, 2, 3)] == [6, 3, 3]
    assert [Turns(2)(number) for number in (1, 2, 3)] == [1, 2, 2]


@pytest.mark.parametrize("options", [{}, {"noise": True, "history": 0}, {"patch": None}])
def test_a_player_moves_what_it_owns_and_nothing_else(options):
    training = start(**options)
    game = training.game
    game.opened.fill_(1.0)
    assert sorted(k for p in training.players for k in game.owned(p)) == sorted(
        dict(game.named_parameters())
    )
    x, noise = next(training.stream)
    for player in training.players:
        before = {k: t.clone() for k, t in game.named_parameters()}
        training.move(player.name, *training.differentiate(player.name, player.loss(x, noise)))
        owned = game.owned(player)
        for key, value in game.named_parameters():
            assert torch.equal(value, before[key]) == (key not in owned), key


@pytest.mark.parametrize("stop_at", [1, 3])
def test_stopped_and_resumed_it_goes_on(stop_at):
    whole, other = start(noise=True), start(noise=True)
    saved = None
    for played in islice(play(whole), 5):
        if played.number == stop_at:
            state = whole.state_dict()
            saved = state | {"game": {k: v.clone() for k, v in state["game"].items()}}
            for _ in islice(play(other), 2):
                pass
            other.load_state_dict(saved)
    for _ in islice(play(other), 5 - stop_at):
        pass
    ends = whole.game.state_dict(), other.game.state_dict()
    assert int(ends[0]["history.filled"]) == 20
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_a_checkpoint_holds_the_history_and_not_the_real_images():
    keys = start().state_dict()["game"].keys()
    assert {"history.rows", "history.filled", "opened"} <= set(keys)
    assert not any("rows_b" in key for key in keys)


# The refiner


def encoded(images):
    sampler = SimGAN()
    sampler.encoding_ = sampler.other_encoding_ = Encoding().fit(images)
    sampler.other_rows_ = sampler.encoding_.transform(images)
    return sampler, torch.as_tensor(sampler.other_rows_, dtype=torch.float32)


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_refiner_starts_near_the_identity(noise, channels):
    sampler, rows = encoded(domains(channels=channels)[0])
    sampler.set_params(noise=noise)
    with seeded(0):
        game = sampler._game(*rows.shape)
    drawn = game.noise(len(rows), torch.Generator().manual_seed(0))
    change = (game.refined(rows, drawn) - rows).abs()
    assert 0 < change.max() < 0.05  # of [−1, 1]


def test_noise_is_of_every_scale_and_makes_refinements_differ():
    sampler, rows = encoded(domains()[0])
    refiner = Refiner(sampler._game(*rows.shape).refiner.layout, width=4, noisy=True)
    assert refiner.noises == 8 * 8 + 4 * 4 + 2 * 2
    row = rows[:1]
    base = refiner(torch.cat([row, torch.zeros(1, refiner.noises)], 1))
    for k in (0, 64, 80):  # the first number of each scale
        grain = torch.zeros(1, refiner.noises)
        grain[0, k] = 1.0
        assert not torch.equal(refiner(torch.cat([row, grain], 1)), base)


# The estimator


def test_same_seed_saved_and_loaded_it_refines_the_same(tmp_path):
    A, B = domains()
    first, again = (SimGAN(**TINY, noise=True).fit(A, B) for _ in range(2))
    with pytest.warns(DataWarning, match="contains training rows"):
        loaded = pf.load_model(first.save(tmp_path / "model"))
    for other in (again, loaded):
        assert np.array_equal(other.translate(A), first.translate(A))
        assert np.array_equal(other.sample(7, random_state=1), first.sample(7, random_state=1))
    assert first.translate(A).shape == A.shape
    assert first.translate(A).min() >= 0
    assert first.translate(A).max() <= 1


def test_a_psi_of_ones_own_is_code_that_is_handed_in_again(tmp_path):
    A, B = domains()
    psi = nn.AvgPool2d(2)
    fitted = SimGAN(**TINY, compare=psi).fit(A, B)
    assert fitted.game_.compared(torch.zeros(2, P)).shape == (2, 16)
    with pytest.warns(DataWarning):
        path = fitted.save(tmp_path / "model")
    with pytest.raises(InputError, match="compare"):
        pf.load_model(path)
    loaded = pf.load_model(path, compare=psi)
    assert np.array_equal(loaded.translate(A), fitted.translate(A))


def test_a_fit_resumes_and_one_of_other_real_images_is_refused(tmp_path):
    A, B = domains()
    plain = SimGAN(**TINY).fit(A, B)
    for _ in range(2):
        again = SimGAN(**TINY).fit(A, B, checkpoint=tmp_path / "c")
    assert np.array_equal(again.translate(A), plain.translate(A))
    with pytest.raises(FileError, match="other_rows"):
        SimGAN(**TINY).fit(A, B**2, checkpoint=tmp_path / "c")


@pytest.mark.slow
def test_a_member_of_a_population_plays_as_alone():
    """On a CPU convolutions are fitted one by one; on a GPU many at once, as is done here."""
    weights = (0.5, 0.05)
    alone, members = ([start(noise=True, weight=w) for w in weights] for _ in range(2))
    for training in alone:
        for _ in islice(play(training), 4):
            pass
    for _ in islice(play(Population(members)), 4):
        pass
    for mine, solo in zip(members, alone, strict=True):
        assert int(solo.game.history.filled) == 20
        together = mine.game.state_dict()
        for name, value in solo.game.state_dict().items():
            torch.testing.assert_close(together[name], value, rtol=1e-3, atol=1e-3)


def test_pixels_that_never_vary_stay_as_they_are():
    A, B = domains()
    A[:, 2, 3] = B[:, 2, 3] = 0.25
    assert (SimGAN(**TINY).fit(A, B).translate(A)[:, 2, 3] == 0.25).all()


def test_bad_input_is_told_in_words():
    A, B = domains()
    for name, value in (
        ("weight", -1.0),
        ("compare", "colours"),
        ("patch", 12),
        ("history", 2.5),
        ("refiner_turns", 0),
        ("discriminator_start", -1),
        ("noise", "no"),
    ):
        with pytest.raises(InputError, match=name):
            SimGAN(**TINY | {name: value}).fit(A, B)
    with pytest.raises(InputError, match="at least half a batch"):
        SimGAN(**TINY | {"history": 3}).fit(A, B)
    with pytest.raises(InputError, match="choose a smaller patch"):
        SimGAN(**TINY | {"patch": 34}).fit(A, B)
    with pytest.raises(InputError, match=r"give the rows of both, fit\(A, B\)"):
        SimGAN(**TINY).fit(A)
    for other in (B[:, :7], B.reshape(len(B), -1), (255 * B).astype(np.uint8)):
        with pytest.raises(InputError, match="two sets of images of one shape and type"):
            SimGAN(**TINY).fit(A, other)
    fitted = SimGAN(**TINY).fit(A, B)
    with pytest.raises(InputError, match="expected to among 'b', got 'a'"):
        fitted.translate(B, to="a")


# What it finds


def test_darker_images_are_refined_to_be_dark_where_they_were():
    """Real images are simulated ones in less light: to darken is all that there is to learn."""
    rng = np.random.default_rng(0)

    def blocks(n):
        return np.kron(rng.integers(0, 2, (n, 4, 4)), np.ones((2, 2))).astype(float)

    A, B, test = blocks(200), 0.6 * blocks(200), blocks(50)
    options = {"width": 8, "learning_rate": 2e-3, "weight": 0.01, "max_rounds": 100}
    refined = SimGAN(**TINY | options).fit(A, B).translate(test)
    assert np.abs(refined - 0.6 * test).mean() < 0.35 * np.abs(test - 0.6 * test).mean()
