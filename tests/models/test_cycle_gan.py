"""CycleGAN against its equations, its pool against the published one, and maps it must find."""

from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import pushforward as pf
from pushforward.data.encoding import Encoding
from pushforward.errors import DataWarning, FileError, InputError
from pushforward.models.cycle import CycleConsistent
from pushforward.models.cycle_gan import CycleGAN
from pushforward.models.pool import Pool
from pushforward.models.translation import diagnose_translation
from pushforward.networks.mlp import mlp
from pushforward.networks.patch import patch_reader
from pushforward.networks.translator import Translator
from pushforward.training.device import seeded
from pushforward.training.loop import Stream, Training, optimisers_for, play

TINY = {"hidden": (8,), "max_rounds": 30, "batch_size": 16, "random_state": 0}
N, P, Q = 12, 4, 3  # rows of a batch, columns of A and of B


def start():
    """A game about to begin, with pools of five rows."""
    rng = torch.Generator().manual_seed(100)
    a, b = torch.randn(40, P, generator=rng), torch.randn(30, Q, generator=rng)
    sampler = CycleGAN(hidden=(6,), pool_size=5)
    sampler.encoding_, sampler.other_encoding_ = Encoding.points(P), Encoding.points(Q)
    sampler.other_rows_ = b.numpy()
    with seeded(0):
        game = sampler._game(40, P)
    stream = Stream(a, N, game.noise, torch.Generator().manual_seed(0))
    return Training(game, stream, optimisers_for(game, 1e-3, (0.5, 0.9)))


def test_the_cycle_weighs_as_published_for_images_and_by_the_column_else():
    images = np.random.default_rng(0).random((20, 3, 3))
    for A, B, expected in (
        (images, images, 10.0),
        (*domains(), 0.125),
        (images, domains()[1], 0.275),
    ):
        game = CycleGAN(**TINY).fit(A, B).game_
        assert game.cycle_weight.item() == pytest.approx(expected)


# The game's equations


def constant(width, value):
    """A network that says `value`, whatever it is shown."""
    network = mlp(width, (), 1)
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].bias.fill_(value)
    return network


def shift(width, by):
    network = mlp(width, (), width)
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(width))
        network[0].bias.fill_(by)
    return network


def test_losses_in_closed_form():
    """G(a) = a + 2, F(b) = b + 3: a cycle is 5 away, the identity 2 and 3; D_A = .4, D_B = .1."""
    b = torch.randn(30, P, generator=torch.Generator().manual_seed(0))
    game = CycleConsistent(
        shift(P, 2.0), shift(P, 3.0), constant(P, 0.4), constant(P, 0.1), b, P, 10.0, 0.5
    )
    x = torch.randn(N, P, generator=torch.Generator().manual_seed(1))
    noise = game.noise(N, torch.Generator().manual_seed(2))
    terms, _ = game("discriminators", x, noise)
    expected = {
        "real_a": 0.5 * 0.6**2,
        "fake_a": 0.5 * 0.4**2,
        "real_b": 0.5 * 0.9**2,
        "fake_b": 0.5 * 0.1**2,
    }
    assert {k: t.item() for k, t in terms.items()} == pytest.approx(expected, rel=1e-5)
    terms, _ = game("translators", x, noise)
    expected = {
        "fool_a": 0.6**2,
        "fool_b": 0.9**2,
        "cycle_a": 10 * 5.0,
        "cycle_b": 10 * 5.0,
        "identity_a": 10 * 0.5 * 3.0,
        "identity_b": 10 * 0.5 * 2.0,
    }
    assert {k: t.item() for k, t in terms.items()} == pytest.approx(expected, rel=1e-5)


def test_the_noise_says_which_rows_of_b_are_judged():
    training = start()
    game = training.game
    x, noise = next(training.stream)
    terms, _ = game("discriminators", x, noise)
    rows = game.rows_b[noise["b"]]
    assert terms["real_b"] == 0.5 * (game.judge_b(rows) - 1).square().mean()
    assert noise["b"].max() < 30
    seen = torch.cat([game.noise(N, torch.Generator().manual_seed(k))["b"] for k in range(20)])
    assert len(seen.unique()) == 30  # all rows of B


# The pool


def test_with_batches_of_one_the_pool_is_the_published_procedure():
    size, rng = 5, torch.Generator().manual_seed(0)
    pool, stored = Pool(size, 1), []
    swaps = 0
    for k in range(200):
        row, drawn = torch.tensor([[float(k)]]), pool.noise(1, rng)
        # As in the authors' ImagePool.query.
        if len(stored) < size:
            stored.append(row)
            expected = row
        elif drawn["coin"] < 0.5:
            place = int(drawn["place"])
            expected, stored[place] = stored[place], row
            swaps += 1
        else:
            expected = row
        shown, after = pool.show(row, **drawn)
        pool.load_state_dict(after)
        assert torch.equal(shown, expected)
        assert torch.equal(pool.rows[: len(stored)], torch.cat(stored))
    assert 70 < swaps < 130


@pytest.mark.parametrize("n", [3, 5, 64])  # less than the pool, as many, more
def test_a_pool_shows_and_stores_generated_rows_only(n):
    rng, pool = torch.Generator().manual_seed(1), Pool(5, 2)
    ever, past = torch.empty(0), 0
    for _ in range(20):
        fake = torch.randn(n, 2, generator=rng)
        shown, after = pool.show(fake, **pool.noise(n, rng))
        ever = torch.cat([ever, fake[:, 0]])
        old = ~torch.isin(shown[:, 0], fake[:, 0])
        past += int(old.sum())
        assert torch.isin(shown[old, 0], pool.rows[: int(pool.filled), 0]).all()
        pool.load_state_dict(after)
        filled = int(pool.filled)
        assert filled == min(len(ever), 5)
        assert torch.isin(pool.rows[:filled, 0], ever).all()
        assert len(pool.rows[:filled, 0].unique()) == filled
    assert 0.35 < past / len(ever) < 0.6  # about half of all, once there is a past


def test_a_batch_that_takes_one_place_twice_leaves_its_last_row_there():
    pool = Pool(2, 1)
    pool.load_state_dict({"rows": torch.tensor([[10.0], [20.0]]), "filled": torch.tensor([2])})
    fake = torch.tensor([[1.0], [2.0], [3.0]])
    coin, place = torch.tensor([0.1, 0.4, 0.9]), torch.tensor([1, 1, 0])
    shown, after = pool.show(fake, coin, place)
    assert shown.flatten().tolist() == [20.0, 20.0, 3.0]
    assert after["rows"].flatten().tolist() == [10.0, 2.0]


def test_a_checkpoint_holds_the_pools_and_not_the_rows_of_b():
    training = start()
    for _ in islice(play(training), 3):
        pass
    held = training.state_dict()["game"]
    assert not any("rows_b" in key for key in held)
    assert int(held["pool_a.filled"]) == int(held["pool_b.filled"]) == 5
    assert held["pool_a.rows"].abs().sum(1).min() > 0


# The estimator


def domains(n=80, m=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(2.0, 3.0, size=(n, 3)), rng.gamma(2.0, size=(m, 2))


def test_same_seed_saved_and_loaded_it_translates_the_same(tmp_path):
    A, B = domains()
    first, again = (CycleGAN(**TINY).fit(A, B) for _ in range(2))
    with pytest.warns(DataWarning, match="contains training rows"):
        loaded = pf.load_model(first.save(tmp_path / "model"))
    for other in (again, loaded):
        assert np.array_equal(other.translate(A), first.translate(A))
        assert np.array_equal(other.translate(B, to="a"), first.translate(B, to="a"))
        assert np.array_equal(other.sample(7, random_state=1), first.sample(7, random_state=1))
    assert first.translate(A).shape == (80, 2)
    assert first.translate(B, to="a").shape == (60, 3)


def test_samples_are_translations_of_training_rows():
    A, B = domains()
    fitted = CycleGAN(**TINY).fit(A, B, validation=A[:9], y_validation=B[:9])
    possible = fitted.translate(A)
    drawn = fitted.sample(50, random_state=0)
    gaps = np.abs(drawn[:, None] - possible[None]).max(2).min(1)
    assert gaps.max() < 1e-5
    assert len(np.unique(drawn, axis=0)) > 20


def test_a_fit_resumes_and_a_checkpoint_of_another_domain_is_refused(tmp_path):
    A, B = domains()
    plain = CycleGAN(**TINY).fit(A, B)
    CycleGAN(**TINY).fit(A, B, checkpoint=tmp_path / "c")
    again = CycleGAN(**TINY).fit(A, B, checkpoint=tmp_path / "c")
    assert np.array_equal(again.translate(A), plain.translate(A))
    with pytest.raises(FileError, match="different: other_rows, other_held_out"):
        CycleGAN(**TINY).fit(A, B**2, checkpoint=tmp_path / "c")


@pytest.mark.slow
def test_populations_and_restarts_are_solo_fits():
    A, B = domains()
    fits = pf.fit_population(CycleGAN(**TINY), A, B, random_states=[0, 3], progress=False)
    for seed, member in zip([0, 3], fits, strict=True):
        solo = CycleGAN(**TINY | {"random_state": seed}).fit(A, B)
        np.testing.assert_allclose(member.translate(A), solo.translate(A), rtol=1e-3, atol=1e-3)
    best = CycleGAN(**TINY, restarts=2).fit(A, B)
    assert len(best.restart_scores_) == 2
    assert best.sample(3, random_state=0).shape == (3, 2)


def test_tables_and_images_come_back_as_they_were():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"age": rng.integers(18, 90, 60), "city": rng.choice(["Bern", "Chur"], 60)}
    )
    images = rng.integers(0, 256, size=(50, 4, 5), dtype=np.uint8)
    fitted = CycleGAN(**TINY).fit(table, images)
    assert fitted.translate(table).shape == (60, 4, 5)
    assert fitted.sample(3, random_state=0).dtype == np.uint8
    back = fitted.translate(images, to="a")
    assert back.dtypes.to_dict() == table.dtypes.to_dict()
    assert set(back["city"]) == {"Bern", "Chur"}  # calibrated to their shares
    column = CycleGAN(**TINY).fit(table[["age"]], rng.normal(size=40))
    assert column.translate(table[["age"]]).shape == (60, 1)


def test_images_of_both_domains_are_encoded_by_the_same_pixels():
    images = np.random.default_rng(0).integers(0, 256, size=(2, 40, 3, 4), dtype=np.uint8)
    images[0, :, 0, 0], images[1, :, 1, 1], images[:, :, 2, 3] = 0, 9, 7
    A, B = images
    fitted = CycleGAN(**TINY).fit(A, B, validation=A[:9], y_validation=B[:9])
    assert fitted.encoding_.width == fitted.other_encoding_.width == 11
    assert np.array_equal(fitted.encoding_.transform(A), fitted.other_encoding_.transform(A))
    assert (fitted.translate(A)[:, 2, 3] == 7).all()


def test_an_identity_term_is_for_domains_of_one_kind():
    A, B = domains()
    images = np.random.default_rng(0).random((40, 3, 3))
    with pytest.raises(InputError, match=r"shape \(3,\).*shape \(2,\).*set identity_weight=0"):
        CycleGAN(**TINY, identity_weight=0.5).fit(A, B)
    with pytest.raises(InputError, match="images of shape"):
        CycleGAN(**TINY, identity_weight=0.5).fit(images[:, 0], images)
    terms = {
        name: CycleGAN(**TINY | {"max_rounds": 50}).fit(a, b).history_[0]
        for name, a, b in (("images", images, images**2), ("columns", A, A**2))
    }
    assert "translators/identity_a" in terms["images"]
    assert "translators/identity_a" not in terms["columns"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (None, r"give the rows of both, fit\(A, B\)"),
        (np.ones((9, 2)), "the second has one value only"),
        (pd.DataFrame({"a": [1.0]}), "at least 2 row"),
    ],
)
def test_a_second_domain_that_cannot_be(second, words):
    with pytest.raises(InputError, match=words):
        CycleGAN(**TINY).fit(domains()[0], second)


def test_bad_input_is_told_in_words():
    A, B = domains()
    for name, value in (("cycle_weight", -1.0), ("identity_weight", "no"), ("start", "zero")):
        with pytest.raises(InputError, match=name):
            CycleGAN(**TINY | {name: value}).fit(A, B)
    with pytest.raises(InputError, match="pool_size"):
        CycleGAN(**TINY | {"pool_size": 0}).fit(A, B)
    with pytest.raises(InputError, match="y_validation"):
        CycleGAN(**TINY).fit(A, B, validation=A)
    fitted = CycleGAN(**TINY).fit(A, B)
    with pytest.raises(InputError, match=r"rows of the second domain.*got an array of shape"):
        fitted.translate(A, to="a")
    with pytest.raises(InputError, match="expected to among"):
        fitted.translate(A, to="c")


# What it finds


def test_a_turned_copy_is_found_without_pairs():
    """Columns that are independent and skewed: their law tells how far B is turned, by 30°."""
    rng = np.random.default_rng(0)
    turn = np.array(
        [[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]]
    )
    a, other, test = rng.exponential(size=(3, 500, 2))
    options = {"hidden": (16,), "max_rounds": 500, "learning_rate": 5e-3, "random_state": 0}
    fitted = CycleGAN(**options).fit(a, other @ turn)
    error = np.abs(fitted.translate(test) - test @ turn).mean()
    b = other @ turn
    standardised = (test - a.mean(0)) / a.std(0) * b.std(0) + b.mean(0)
    assert error < 0.5 * np.abs(standardised - test @ turn).mean()
    back = fitted.translate(fitted.translate(test), to="a")
    assert np.abs(back - test).mean() < 0.1
    assert not {"IDENTITY", "INVERTED"} & {finding.name for finding in fitted.diagnosis_}


def test_identity_and_inversion_are_named_and_a_good_map_is_not():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 4))
    skewed = np.exp(b) - 1
    names = lambda *rows: [f.name for f in diagnose_translation(*rows)]  # noqa: E731
    assert names(a, a + 0.01, b + 2) == ["IDENTITY"]
    assert names(a, a + 0.01, b) == []  # equal domains: the identity is right
    assert names(a, a + 2, b + 2) == []
    assert names(a, -a, b) == ["INVERTED"]
    assert names(a, 1 - np.exp(-a), -skewed) == []
    assert names(a, np.exp(-a) - 1, skewed) == []  # inverted, as only this fits B


def test_a_translation_that_stays_the_identity_is_diagnosed(caplog):
    A, _ = domains(n=200)
    B = np.random.default_rng(1).exponential(size=(200, 3)) ** 2
    with caplog.at_level("INFO", logger="pushforward"):
        fitted = CycleGAN(**TINY | {"max_rounds": 2, "learning_rate": 1e-5}).fit(A, B)
    assert "IDENTITY" in [finding.name for finding in fitted.diagnosis_]
    assert "A to B: The translation returns its input" in caplog.text


def test_of_two_symmetric_domains_either_sign_is_found_and_the_inverted_one_is_named():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(300, 1)), rng.uniform(-1, 1, size=(300, 1))
    options = {"hidden": (8,), "max_rounds": 100, "learning_rate": 2e-3, "start": "rotation"}
    fits = pf.fit_population(CycleGAN(**options), A, B, random_states=range(4), progress=False)
    inverted = [np.corrcoef(m.translate(A)[:, 0], A[:, 0])[0, 1] < 0 for m in fits]
    assert set(inverted) == {False, True}
    for member, whether in zip(fits, inverted, strict=True):
        assert ("INVERTED" in [finding.name for finding in member.diagnosis_]) == whether


# Images


IMAGES = {"width": 2, "max_rounds": 3, "batch_size": 2, "random_state": 0}


def pictures(*shape, n=12, seed=0):
    return np.random.default_rng(seed).random((n, *shape))


def image_game(A, B, **options):
    """A game about to begin, between images."""
    sampler = CycleGAN(**IMAGES | options)
    sampler.encoding_, sampler.other_encoding_ = Encoding().fit(A), Encoding().fit(B)
    sampler.other_rows_ = sampler.other_encoding_.transform(B)
    with seeded(0):
        return sampler._game(len(A), sampler.encoding_.width)


class Scaled(nn.Module):
    """Images times a number: 1 for the identity, −1 for the inversion of colours."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(float(factor)))

    def forward(self, x):
        return self.factor * x


@pytest.mark.parametrize(
    ("one", "other"),
    [((16, 16), (16, 16)), ((17, 19), (17, 19)), ((16, 18), (16, 18, 3)), ((16, 16, 3), (20, 24))],
)
def test_images_of_any_size_and_number_of_channels(one, other):
    A, B = pictures(*one), pictures(*other)
    fitted = CycleGAN(**IMAGES).fit(A, B)
    assert fitted.translate(A).shape == B.shape
    assert fitted.translate(B, to="a").shape == A.shape
    inner = fitted.game_.to_b[-2]
    assert isinstance(inner, Translator)
    assert inner.halvings == (0 if 17 in one else 1)


def test_networks_are_chosen_by_the_size_of_the_images_of_both_domains():
    large, small = pictures(16, 16), pictures(16, 15)
    convolves = lambda a, b, **o: any(  # noqa: E731
        isinstance(m, nn.Conv2d) for m in image_game(a, b, **o).modules()
    )
    assert convolves(large, large)
    assert not convolves(large, small)
    assert not convolves(large, large, networks="mlp")
    sampler = CycleGAN()
    sampler.encoding_ = sampler.other_encoding_ = Encoding().fit(small)
    assert (sampler._chosen("batch_size"), sampler._chosen("learning_rate")) == (128, 2e-3)
    sampler.encoding_ = sampler.other_encoding_ = Encoding().fit(large)
    assert sampler._chosen("batch_size") < 16
    assert sampler._chosen("learning_rate") < 2e-3


def test_fresh_translators_of_images_start_near_the_identity_or_do_not():
    A = np.sign(pictures(16, 16) - 0.5)
    rows = torch.as_tensor(Encoding().fit(A).transform(A), dtype=torch.float32)
    with torch.no_grad():
        moved = {
            start: (image_game(A, A, start=start).to_b(rows) - rows).abs().mean().item()
            for start in ("identity", "random")
        }
    assert 0 < moved["identity"] < 0.1
    assert moved["random"] > 0.5


def test_grey_images_start_as_grey_ones_in_colour():
    A, B = pictures(16, 16), pictures(16, 16, 3)
    x = torch.as_tensor(Encoding().fit(A).transform(A), dtype=torch.float32)
    with torch.no_grad():
        y = image_game(A, B).to_b(x).reshape(12, 16, 16, 3)
    assert torch.corrcoef(torch.stack([y.mean(3).flatten(), x.flatten()]))[0, 1] > 0.95
    assert y.std(3).mean() < 0.2


def test_least_squares_are_means_over_patches_and_rows():
    A, B = pictures(16, 16), pictures(16, 16, 3, seed=1)
    game = image_game(A, B)
    x = torch.as_tensor(Encoding().fit(A).transform(A[:4]), dtype=torch.float32)
    noise = game.noise(4, torch.Generator().manual_seed(0))
    said = game.judge_a(x)
    assert said.shape == (4, 36)  # (16 / 2 − 2)² values, each of 16×16 pixels
    terms, _ = game("discriminators", x, noise)
    each = [0.5 * (value - 1) ** 2 for value in said.flatten().tolist()]
    assert terms["real_a"].item() == pytest.approx(sum(each) / len(each), rel=1e-5)
    fooled, _ = game("translators", x, noise)
    each = [(value - 1) ** 2 for value in game.judge_b(game.to_b(x)).flatten().tolist()]
    assert fooled["fool_b"].item() == pytest.approx(sum(each) / (4 * 36), rel=1e-5)
    there_and_back = game.to_a(game.to_b(x))
    cycle = 10 * np.abs((there_and_back - x).detach().numpy()).mean()
    assert fooled["cycle_a"].item() == pytest.approx(cycle, rel=1e-4)


def test_a_value_sees_its_patch_only():
    judge = patch_reader(1, width=2, halvings=1)
    image = torch.rand(1, 1, 24, 24, generator=torch.Generator().manual_seed(0), requires_grad=True)
    values = judge(image)[0]
    middle = len(values) // 2 + int(len(values) ** 0.5) // 2
    (slope,) = torch.autograd.grad(values[middle], image)
    rows, columns = (slope[0, 0] != 0).nonzero().T
    assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == 15


def test_every_weight_of_the_networks_of_images_is_moved_by_its_owner_alone():
    A, B = pictures(16, 16), pictures(16, 16, seed=1)
    game = image_game(A, B, identity_weight=0.5)
    x = torch.as_tensor(Encoding().fit(A).transform(A[:4]), dtype=torch.float32)
    noise = game.noise(4, torch.Generator().manual_seed(0))
    for player in game.players():
        owned = game.owned(player)
        terms, _ = game(player.name, x, noise)
        gradients = torch.autograd.grad(sum(terms.values()), list(owned.values()))
        # A bias before an instance norm is taken out again by it.
        still = {k for k, g in zip(owned, gradients, strict=True) if g.abs().max() < 1e-6}
        assert all(k.endswith("bias") for k in still)
        assert len(still) < len(owned) / 3
    joint = dict(game.joint(x, noise))
    assert joint["translators"].keys() == terms.keys()
    for name, term in joint["translators"].items():
        assert term.item() == pytest.approx(terms[name].item(), rel=1e-5)


def test_images_saved_loaded_and_resumed_translate_the_same(tmp_path):
    A, B = pictures(16, 16), pictures(16, 16, 3)
    plain = CycleGAN(**IMAGES).fit(A, B)
    with pytest.warns(DataWarning, match="contains training rows"):
        loaded = pf.load_model(plain.save(tmp_path / "model"))
    # Sums in convolutions may depend on where in memory an array lies.
    same = partial(np.testing.assert_allclose, rtol=0, atol=1e-6)
    same(loaded.translate(A), plain.translate(A))
    CycleGAN(**IMAGES).fit(A, B, checkpoint=tmp_path / "c")
    resumed = CycleGAN(**IMAGES).fit(A, B, checkpoint=tmp_path / "c")
    same(resumed.translate(B, to="a"), plain.translate(B, to="a"))


def test_of_images_the_last_state_is_kept_while_the_rate_falls():
    A, B = pictures(16, 16), pictures(16, 16, seed=1)
    options = IMAGES | {"max_rounds": 6, "patience": 2}
    assert CycleGAN(**options).fit(A, B).best_round_ == 6
    assert len(CycleGAN(**options).fit(A, B).scores_) == 6


def test_modules_of_ones_own():
    A, B = pictures(16, 16), pictures(16, 16, 3)
    given = {
        "to_b": Translator(1, 3, width=2, halvings=0, blocks=1),
        "judge_b": lambda: nn.Sequential(nn.Conv2d(3, 2, 5, 4), nn.Flatten(), nn.Linear(18, 5)),
    }
    game = CycleGAN(**IMAGES, networks=given).fit(A, B).game_
    assert len(game.to_b[1].body) < len(game.to_a[1].body)
    assert game.judge_b(torch.zeros(2, 768)).shape == (2, 5)
    rows = np.random.default_rng(0).normal(size=(30, 4))
    mixed = {
        "to_b": nn.Linear(4, 256),
        "to_a": lambda: nn.Sequential(nn.Flatten(), nn.Linear(256, 4)),
    }
    images = pictures(16, 16)
    shaped = mixed | {"to_b": nn.Sequential(nn.Linear(4, 256), nn.Unflatten(1, (1, 16, 16)))}
    assert CycleGAN(**IMAGES, networks=shaped).fit(rows, images).translate(rows).shape == (
        30,
        16,
        16,
    )
    with pytest.raises(InputError, match=r"to give \(n, 1, 16, 16\)|cannot take 4"):
        CycleGAN(**IMAGES, networks={"to_b": nn.Linear(4, 7)}).fit(rows, images)
    with pytest.raises(InputError, match="to_b, to_a, judge_a, judge_b"):
        CycleGAN(networks={"generator": nn.Linear(4, 4)}).fit(rows, rows + 1)


def test_what_cannot_be_done_with_images_is_told():
    A = pictures(16, 16)
    with pytest.raises(InputError, match="'identity' or 'random'"):
        CycleGAN(**IMAGES, start="rotation").fit(A, A + 1)
    with pytest.raises(InputError, match="networks among 'auto', 'mlp'"):
        CycleGAN(**IMAGES, networks="dcgan").fit(A, A + 1)
    with pytest.raises(InputError, match=r"set identity_weight=0"):
        CycleGAN(**IMAGES, identity_weight=0.5).fit(A, pictures(16, 16, 3))
    with pytest.raises(InputError, match=r"multiples of 4 for 2 halvings, got 18×16"):
        Translator(1, 1, width=2)(torch.zeros(1, 1, 18, 16))
    with pytest.raises(InputError, match=r"multiples of 4"):
        CycleGAN(**IMAGES, networks={"to_b": Translator(1, 1, width=2)}).fit(
            pictures(18, 16), pictures(18, 16, seed=1)
        )


@pytest.mark.parametrize(("factor", "expected"), [(1, "IDENTITY"), (-1, "INVERTED")])
def test_identity_and_inverted_colours_are_named_on_images(factor, expected):
    """Dark digits on light paper, and digits in colours, of which light on dark are as many."""
    A, B = pf.load_domains("colours", size=16).draw(150, 150, np.random.default_rng(0))
    given = {"to_b": Scaled(factor), "to_a": Scaled(factor)}
    options = IMAGES | {"max_rounds": 1, "learning_rate": 1e-6}
    fitted = CycleGAN(**options, networks=given).fit(A, B, validation=A, y_validation=B)
    found = [f.name for f in fitted.diagnosis_ if f.sentence.startswith("A to B")]
    assert found == [expected]


def test_true_counterparts_of_images_are_not_named():
    a, b, _ = pf.load_domains("upright-slanted", size=16).pairs(150, np.random.default_rng(0))
    other = pf.load_domains("upright-slanted", size=16).pairs(150, np.random.default_rng(1))[1]
    a, b, other = (2 * x.reshape(150, -1) - 1 for x in (a, b, other))
    assert diagnose_translation(a, b, other) == []
    assert [f.name for f in diagnose_translation(a, a, other)] == ["IDENTITY"]


def test_rows_of_one_law_do_not_count_as_two_domains():
    rng = np.random.default_rng(0)
    for n in (40, 100, 400):
        for p in (2, 30):
            for _ in range(5):
                a, b = rng.normal(size=(2, n, p))
                assert diagnose_translation(a, a, b) == []
