"""A forecast changes nothing, counts what a fit does, and warns of too little memory."""

import time

import numpy as np
import pytest

import pushforward as pf
from pushforward.data import encoded_rows, memory
from pushforward.errors import InputError, TrainingWarning
from pushforward.models import forecast as module


def rows(n=300, p=4):
    return np.random.default_rng(0).normal(size=(n, p))


def test_a_fit_is_the_same_with_and_without():
    X, rng = rows(), np.random.default_rng(7)
    gan = pf.GAN(hidden=(8,), max_rounds=60, random_state=rng)
    plain = pf.GAN(hidden=(8,), max_rounds=60, random_state=np.random.default_rng(7)).fit(X)
    pf.forecast(gan, X)
    assert not hasattr(gan, "n_rows_")
    gan.fit(X)
    assert np.array_equal(gan.sample(9, random_state=0), plain.sample(9, random_state=0))


@pytest.mark.parametrize(("max_rounds", "patience"), [(950, 60), (7, 3000)])
def test_it_counts_scores_as_a_fit_does(max_rounds, patience):
    vae = pf.VAE(hidden=(4,), max_rounds=max_rounds, patience=patience, random_state=0)
    found = pf.forecast(vae, rows(60))
    assert found.rounds == max_rounds
    every, at, looks = max(1, patience // 20), 0, 0
    for number in range(1, max_rounds + 1):
        if number >= at + max(every, at // 20):
            at, looks = number, looks + 1
    assert found.looks == looks + (at < max_rounds)


def test_seconds_are_of_the_size_that_a_fit_takes():
    X = rows(2000)
    gan = pf.GAN(hidden=(16,), max_rounds=300, random_state=0)
    found = pf.forecast(gan, X)
    began = time.monotonic()
    gan.fit(X)
    assert 0.1 < found.seconds / (time.monotonic() - began) < 10


def test_a_budget_limits_it():
    found = pf.forecast(pf.VAE(random_state=0), rows(), budget=3.0)
    assert found.seconds <= 3.0 < found.rounds * found.round
    assert "within a budget of 3.0 s" in str(found)


def test_wide_or_long_data_are_tried_in_part():
    some = module._some(np.zeros((100_000, 3)))
    assert some.shape == (module.TRIAL_ROWS, 3)
    y = module._some(np.arange(100_000), like=np.zeros((100_000, 3)))
    assert len(np.unique(y)) == module.TRIAL_ROWS
    assert len(module._some(np.zeros((600, 100, 100)))) == module.TRIAL_NUMBERS // 10_000


@pytest.mark.parametrize("method", ["cycle-gan", "conditional-gan", "progressive-gan", "wgan"])
def test_methods_of_every_kind(method):
    X = np.random.default_rng(0).random((60, 8, 8)) if method == "progressive-gan" else rows(60)
    y = {"cycle-gan": rows(50), "conditional-gan": np.arange(60) % 2}.get(method)
    found = pf.forecast(pf.METHODS[method].make(max_rounds=50, random_state=0), X, y)
    assert found.method in str(found)
    assert found.seconds > 0
    assert found.memory > 0


def test_too_little_memory_is_warned_of(monkeypatch):
    monkeypatch.setattr(module, "available_memory", lambda: 1000)
    with pytest.warns(TrainingWarning, match="pf.open_data"):
        found = pf.forecast(pf.VAE(max_rounds=10, random_state=0), rows())
    assert not found.fits


def test_rows_on_disk_need_little(tmp_path, monkeypatch):
    np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (2_000_000, 100)).flush()
    with (tmp_path / "a.npy").open("r+b") as file:  # the rest is a hole in the file
        file.seek(-8_000_000, 2)
        file.write(rows(20_000, 100).astype("f4").tobytes())
    monkeypatch.setattr(memory, "available_memory", lambda: 2**31)
    monkeypatch.setattr(encoded_rows, "KNOWN_ROWS", 3000)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    vae = pf.VAE(max_rounds=5, hidden=(4,), random_state=0)
    with pytest.raises(InputError, match="vary"):
        pf.forecast(vae, mapped[:9])
    assert pf.forecast(vae, mapped).memory < 2**30 < module.BYTES_PER_NUMBER * mapped.size


def test_methods_without_rounds_have_none():
    with pytest.raises(InputError, match="trains networks"):
        pf.forecast(pf.KernelDensity(), rows())
