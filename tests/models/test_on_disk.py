"""Every method that trains networks on one set of rows can be fitted to rows on disk."""

import numpy as np
import pytest

import pushforward as pf
import pushforward.models.fitting as fitting
from helpers import NAMES, tiny
from pushforward.data import memory, on_disk, windows
from pushforward.errors import FileError, InputError
from pushforward.models.neural import NeuralSampler
from pushforward.sampler import Sampler

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
    return sampler.fit(rows, y, **options)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.slow
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


@pytest.mark.parametrize("name", ["kernel-density", "cycle-gan"])
def test_methods_that_cannot_say_what_to_do(name, rows):
    sampler: Sampler = tiny(name)
    with pytest.raises(InputError, match=r"sample\(10_000\)"):
        sampler.fit(rows(), np.zeros((5, 2)))


def test_all_of_one_set_of_rows_read_disk():
    neural = [tiny(name) for name in NAMES if isinstance(tiny(name), NeuralSampler)]
    assert {s.takes for s in neural if not s.reads_disk} == {"other rows"}
