"""The command line on rows that stay on disk, and its forecasts."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_images_and_tables_are_left_on_disk(run):
    rng = np.random.default_rng(0)
    np.save("i.npy", rng.integers(256, size=(40, 6, 6), dtype=np.uint8))
    pd.DataFrame({"a": rng.normal(size=90), "y": np.arange(90) % 3}).to_parquet("t.parquet")
    few = ("--set", "max_rounds=5", "--on-disk", "--seed", 0)
    code, _, told = run("fit", "i.npy", "--method", "vae", *few)
    assert code == 0
    assert "stay on disk" in told
    assert run("sample", "models/i-vae", "-n", 3, "--out", "i.png")[0] == 0
    assert run("fit", "t.parquet", "--method", "conditional-vae", "--label", "y", *few)[0] == 0
    sampled = run("sample", "models/t-conditional-vae", "-n", 3, "--given", "2", "--out", "t.csv")
    assert sampled[0] == 0
    assert pd.read_csv("t.csv")["y"].tolist() == [2, 2, 2]
    code, _, told = run("fit", "t.parquet", "--method", "kernel-density", *few[2:])
    assert code == 2
    assert "pf.open_data(path).sample" in told


def test_a_forecast_is_told_and_nothing_fitted(run, tmp_path):
    code, out, _ = run("fit", "digits", "--method", "vae", "--set", "max_rounds=9", "--forecast")
    assert code == 0
    assert "VAE: at most" in out
    assert "9 rounds at most" in out
    assert list(tmp_path.iterdir()) == []
    assert "no rounds to be timed" in run("fit", "digits", "--method", "gaussian", "--forecast")[1]


def test_a_comparison_is_forecast_and_nothing_kept(run, tmp_path):
    asked = ("--methods", "copula,vae", "--max-rounds", "9", "--repeats", "2", "--jobs", "1")
    code, out, _ = run("compare", "digits", *asked, "--forecast")
    assert code == 0
    for part in ("one fit of", "copula", "vae", "2 repeats, 1 at a time", "in all"):
        assert part in out
    assert not list(tmp_path.iterdir())
