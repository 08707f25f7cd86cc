"""A training that is killed and started again ends in the same bytes as one that is not."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import pushforward as pf
from pushforward.errors import FileError

FIT = """
import sys
import numpy as np
import pushforward as pf
import pushforward.models.fitting as fitting
from functools import partial
fitting.save = partial(fitting.save, seconds=0.05)
X = np.random.default_rng(0).normal(size=(400, 4)) ** 3
checkpoint, model = sys.argv[1], sys.argv[2]
gan = pf.GAN(hidden=(16, 16), max_rounds=1800, random_state=0)
print("started", flush=True)
gan.fit(X, checkpoint=checkpoint).save(model)
"""


def fit(checkpoint, model, kill_after=None):
    """Fit in a process of its own; kill it without mercy after so many seconds."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", FIT, str(checkpoint), str(model)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "started\n"
    if kill_after is not None:
        time.sleep(kill_after)
        process.kill()
    _, errors = process.communicate()
    return process.returncode, errors


def test_killed_at_random_points_a_gan_ends_in_the_same_bytes(tmp_path):
    code, errors = fit(tmp_path / "whole.checkpoint", tmp_path / "whole")
    assert code == 0, errors
    rng = random.Random()  # other points in every run of this test
    kills = 0
    for _ in range(40):
        code, errors = fit(tmp_path / "c", tmp_path / "model", kill_after=rng.uniform(0.2, 1.2))
        if code == 0 or (tmp_path / "model").exists():  # or killed when it had finished
            break
        assert code < 0, errors  # killed by us, not failed
        kills += 1
    else:
        code, errors = fit(tmp_path / "c", tmp_path / "model")
        assert code == 0, errors
    assert kills > 0
    for name in ("weights.safetensors", "model.json"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("method", ["gan", "vae", "autoencoder"])
def test_going_on_after_the_end_changes_nothing(method, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    make = pf.METHODS[method].make
    first = make(max_rounds=40, hidden=(8,), random_state=0).fit(X, checkpoint=tmp_path / "c")
    again = make(max_rounds=40, hidden=(8,), random_state=0).fit(X, checkpoint=tmp_path / "c")
    plain = make(max_rounds=40, hidden=(8,), random_state=0).fit(X)
    expected = plain.sample(9, random_state=0)
    assert np.array_equal(first.sample(9, random_state=0), expected)
    assert np.array_equal(again.sample(9, random_state=0), expected)


def test_a_checkpoint_of_other_data_or_options_is_refused(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    options = {"max_rounds": 20, "hidden": (8,), "random_state": 0}
    pf.GAN(**options).fit(X, checkpoint=tmp_path / "c")
    with pytest.raises(FileError, match=r"another run \(different: rows, held_out\)"):
        pf.GAN(**options).fit(X + X**2, checkpoint=tmp_path / "c")
    with pytest.raises(FileError, match=r"another run \(different: method\)"):
        pf.GAN(**(options | {"latent_dim": 3})).fit(X, checkpoint=tmp_path / "c")
    (tmp_path / "c").write_bytes(b"not a checkpoint")
    with pytest.raises(FileError, match="damaged"):
        pf.GAN(**options).fit(X, checkpoint=tmp_path / "c")


def test_a_budget_ends_training_and_says_so():
    X = np.random.default_rng(0).normal(size=(60, 3))
    gan = pf.GAN(hidden=(8,), random_state=0).fit(X, budget=0.3)
    assert gan.stopped_by_ == "budget"
    assert 0 < gan.n_rounds_ < gan.max_rounds
    assert gan.scores_[-1][0] == gan.n_rounds_
