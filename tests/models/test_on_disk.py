"""Every method that trains networks can be fitted to rows on disk."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pushforward as pf
import pushforward.models.fitting as fitting
from helpers import NAMES, tiny
from pushforward.data import memory, on_disk, windows
from pushforward.data.encoded_rows import EncodedRows
from pushforward.data.encoding import Encoding
from pushforward.data.windows import SideBySide, Windows
from pushforward.errors import FileError, InputError
from pushforward.models.neural import NeuralSampler
from pushforward.models.unpaired import Unpaired

READS = [name for name in NAMES if tiny(name).reads_disk]
CLASSES = list({type(tiny(name)): name for name in reversed(READS)}.values())


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Opens the same 240 rows, in windows smaller than an epoch."""
    monkeypatch.setattr(on_disk, "BLOCK_BYTES", 160)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1000)
    X = np.random.default_rng(0).normal(2.0, 3.0, size=(240, 4))
    np.save(tmp_path / "rows.npy", X)
    return lambda **options: pf.open_data(tmp_path / "rows.npy", **options)


def fit(name, rows, **options):
    sampler = tiny(name, random_state=0)
    y = np.arange(240) % 2 if sampler.takes == "labels" else None
    return sampler.fit(rows, rows if sampler.takes == "other rows" else y, **options)


@pytest.mark.parametrize("name", CLASSES)
def test_threads_and_interruptions_change_nothing(name, rows, tmp_path, monkeypatch):
    expected = fit(name, rows(workers=0)).sample(9, random_state=0)
    limit = fitting.limit
    # Interrupted after seven rounds, in the middle of a block of noise and of a window.
    monkeypatch.setattr(fitting, "limit", lambda rounds, _: limit(rounds, 7))
    fit(name, rows(), checkpoint=tmp_path / "c")
    monkeypatch.setattr(fitting, "limit", limit)
    gone_on = fit(name, rows(workers=3), checkpoint=tmp_path / "c")
    assert gone_on.n_rounds_ > 7
    assert np.array_equal(gone_on.sample(9, random_state=0), expected)


def test_other_rows_are_not_gone_on_with(rows, tmp_path):
    fit("vae", rows(), checkpoint=tmp_path / "c")
    np.save(tmp_path / "other.npy", np.random.default_rng(1).normal(size=(240, 4)))
    with pytest.raises(FileError, match="another run"):
        fit("vae", pf.open_data(tmp_path / "other.npy"), checkpoint=tmp_path / "c")


def test_images_parquet_and_restarts(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "i.npy", rng.integers(256, size=(60, 16, 16), dtype=np.uint8))
    options = {"max_rounds": 4, "width": 4, "batch_size": 8, "random_state": 0}
    images = pf.open_data(tmp_path / "i.npy")
    drawn = pf.ProgressiveGAN(latent_dim=4, phase_rounds=1, **options).fit(images).sample(2)
    assert (drawn.shape, drawn.dtype) == ((2, 16, 16), np.uint8)
    gan = pf.GAN(restarts=2, latent_dim=4, **options).fit(images)
    assert len(gan.restart_scores_) == 2


def test_without_it_is_as_with_all_in_memory(rows):
    """Encoding and held-out rows in common, other batches: the same law is learnt as well."""
    on, off = (
        pf.VAE(hidden=(16,), max_rounds=200, random_state=0).fit(X)
        for X in (rows(), rows().take(np.arange(240)))
    )
    assert np.allclose(on.encoding_.numbers.mean, off.encoding_.numbers.mean)
    assert abs(on.scores_[-1][1] - off.scores_[-1][1]) < 0.12


def test_a_mapped_array_that_is_too_large_stays_on_disk(rows, tmp_path, monkeypatch):
    expected = fit("vae", rows()).sample(5, random_state=0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.array_equal(fit("vae", mapped).sample(5, random_state=0), expected)


def test_methods_that_cannot_say_what_to_do(rows):
    with pytest.raises(InputError, match=r"sample\(10_000\)"):
        tiny("kernel-density").fit(rows())


def test_all_that_train_networks_read_disk():
    for name in NAMES:
        assert tiny(name).reads_disk == isinstance(tiny(name), NeuralSampler)


def opened(tmp_path, name, X):
    np.save(tmp_path / f"{name}.npy", X)
    return pf.open_data(tmp_path / f"{name}.npy")


def test_two_domains_may_differ_in_size_and_width(rows, tmp_path):
    rng = np.random.default_rng(0)
    B = opened(tmp_path, "b", rng.normal(-1.0, 0.1, size=(31, 2)))  # fewer than a batch has
    gan = tiny("cycle-gan", random_state=0, batch_size=40).fit(rows(), B)
    assert gan.sample(5).shape == (5, 2)
    assert gan.translate(B.take(np.arange(3)), to="a").shape == (3, 4)
    mixed = tiny("cycle-gan", random_state=0).fit(rows(), B.take(np.arange(31)))
    assert mixed.sample(5).shape == (5, 2)
    with pytest.raises(InputError, match="leave the first on disk too"):
        tiny("cycle-gan").fit(rows().take(np.arange(240)), B)


def test_batches_of_two_domains_are_rows_of_each(tmp_path):
    """Each in its own order: whatever goes with a row of A, all of B come in an epoch."""
    A = opened(tmp_path, "a", np.arange(40.0)[:, None])
    B = opened(tmp_path, "b", np.stack([np.arange(30.0), np.arange(30.0)], axis=1))
    tables = [
        Windows(EncodedRows(rows, Encoding().fit(rows.take(np.arange(30)))), k, torch.device("cpu"))
        for k, rows in enumerate((A, B))
    ]
    both = SideBySide(*tables)
    game = SimpleNamespace(rows_b=torch.empty(0, 2))  # none are in memory
    a, b = Unpaired.both(game, both.index_select(0, torch.arange(120)), {})
    assert (a.shape, b.shape) == ((120, 1), (120, 2))
    assert torch.equal(b[:, 0], b[:, 1])
    for epoch in (b[:30], b[30:60]):
        assert len(epoch[:, 0].unique()) == 30
    assert not torch.equal(b[:30], b[30:60])
    assert len(a[:40].unique()) == 40


@pytest.mark.parametrize(
    ("name", "options"),
    [("sim-gan", {"refiner_start": 1, "discriminator_start": 1}), ("shared-autoencoder", {})],
)
def test_two_sets_of_images(name, options, tmp_path):
    rng = np.random.default_rng(0)
    A, B = rng.integers(256, size=(2, 40, 16, 16), dtype=np.uint8)
    A[:, 0, 0] = B[:, 0, 0] = 7  # a pixel that varies in neither
    A[:, 1, 1] = 9  # and one that varies in one
    sampler = tiny(name, random_state=0, max_rounds=4, **options)
    sampler.fit(opened(tmp_path, "a", A), opened(tmp_path, "b", B))
    assert sampler.encoding_.width == 255
    assert sampler.sample(2).shape == (2, 16, 16)
    assert sampler.translate(A[:3]).dtype == np.uint8
