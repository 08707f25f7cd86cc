"""A training that is killed and started again ends in the same bytes as one that is not."""

import errno
import json
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import pushforward as pf
from killing import TRAINED, survive
from pushforward import safekeeping, storage
from pushforward.errors import FileError, InputError, TrainingWarning
from pushforward.locking import alone_with
from pushforward.models import fitting
from pushforward.safekeeping import before
from pushforward.storage import read_file
from pushforward.training.adaptors import seconds_between_saves

OPTIONS = {"max_rounds": 20, "hidden": (8,), "random_state": 0}
forking = pytest.mark.skipif(
    not hasattr(os, "fork") or torch.cuda.is_available(), reason="a GPU does not survive a fork"
)


def rows():
    return np.random.default_rng(0).normal(size=(60, 3))


def gan(checkpoint=None, **options):
    return pf.GAN(**(OPTIONS | options)).fit(rows(), checkpoint=checkpoint)


def same(a, b):
    first, second = a.game_.state_dict(), b.game_.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


@forking
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", TRAINED)
def test_killed_at_random_moments_it_ends_in_the_same_bytes(name, tmp_path):
    found = survive(name, tmp_path, kills=1, max_rounds=16, rng=random.Random())
    assert found["ended"] == 0
    assert found["equal"]


@forking
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["gan", "began"])
def test_killed_often_it_ends_in_the_same_bytes(name, tmp_path):
    found = survive(name, tmp_path, kills=3, max_rounds=60, rng=random.Random())
    assert found["resumed"] > 0
    assert found["ended"] == 0
    assert found["equal"]


@pytest.mark.parametrize("method", ["gan", "vae", "autoencoder"])
def test_going_on_after_the_end_changes_nothing(method, tmp_path):
    make = pf.METHODS[method].make
    first = make(**OPTIONS).fit(rows(), checkpoint=tmp_path / "c")
    again = make(**OPTIONS).fit(rows(), checkpoint=tmp_path / "c")
    plain = make(**OPTIONS).fit(rows())
    expected = plain.sample(9, random_state=0)
    assert np.array_equal(first.sample(9, random_state=0), expected)
    assert np.array_equal(again.sample(9, random_state=0), expected)


def test_a_checkpoint_of_other_data_or_options_is_refused(tmp_path):
    X = rows()
    pf.GAN(**OPTIONS).fit(X, checkpoint=tmp_path / "c")
    with pytest.raises(FileError, match=r"another run \(different: rows, held_out\)"):
        pf.GAN(**OPTIONS).fit(X + X**2, checkpoint=tmp_path / "c")
    with pytest.raises(FileError, match=r"another run \(different: method\)"):
        pf.GAN(**(OPTIONS | {"latent_dim": 3})).fit(X, checkpoint=tmp_path / "c")


def damaged(how, content):
    """The content of a file after something has gone wrong with it."""
    middle = len(content) // 2
    return {
        "empty": b"",
        "cut": content[:-7],
        "half": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "foreign": b"not a checkpoint",
        "longer": content + b"\0",
        "zeros": bytes(len(content)),
    }[how]


@pytest.mark.parametrize("how", ["empty", "cut", "half", "flipped", "foreign", "longer", "zeros"])
def test_where_the_newest_is_damaged_the_one_before_is_gone_on_with(how, tmp_path, monkeypatch):
    monkeypatch.setenv("PUSHFORWARD_SAVE_SECONDS", "0")
    path = tmp_path / "c"
    whole = gan(path)
    bad = damaged(how, path.read_bytes())
    path.write_bytes(bad)
    with pytest.warns(TrainingWarning, match=r"damaged .* The one before is whole") as told:
        again = gan(path)
    assert len(told) == 1
    assert same(again, whole)
    read_file(path)  # what was damaged is not in the way of the next
    path.write_bytes(bad)
    with pytest.raises(FileError, match=r"damaged .* or delete it to start anew"):
        gan(path)
    before(path).write_bytes(bad)
    with pytest.raises(FileError, match=r"so is the one before, .* delete both to start anew"):
        gan(path)


def test_stopped_between_the_two_renamings_the_one_before_is_the_newest(tmp_path, monkeypatch):
    monkeypatch.setenv("PUSHFORWARD_SAVE_SECONDS", "0")
    path, replace, left = tmp_path / "c", os.replace, [8]

    def killed(source, target):
        replace(source, target)
        left[0] -= str(target).endswith(".before")
        if not left[0]:
            raise KeyboardInterrupt  # nothing after it is done, as when the process is gone

    monkeypatch.setattr(safekeeping.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        gan(path)
    monkeypatch.setattr(safekeeping.os, "replace", replace)
    assert not path.exists()
    assert same(gan(path), gan())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_where_nothing_can_be_written_training_goes_on(number, tmp_path, monkeypatch):
    monkeypatch.setenv("PUSHFORWARD_SAVE_SECONDS", "0")
    path, flush, calls = tmp_path / "c", os.fsync, []

    def full(file):
        calls.append(file)
        if len(calls) > 5:
            raise OSError(number, os.strerror(number))
        flush(file)

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.warns(TrainingWarning, match="cannot be written .* Training goes on") as told:
        fitted = gan(path)
    assert len(told) == 1
    assert len(calls) > 15  # it was tried again
    assert read_file(path)["parts"]["training"]["round"] == 5
    assert same(fitted, gan())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c", "c.before"]
    monkeypatch.setattr(storage.os, "fsync", flush)
    assert same(gan(path), fitted)


def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FileError, match="choose another folder"):
        gan(tmp_path / "file" / "c")


@pytest.mark.parametrize("text", ["soon", "-1", "nan", ""])
def test_seconds_between_saves_are_checked(text, monkeypatch):
    monkeypatch.setenv("PUSHFORWARD_SAVE_SECONDS", text)
    with pytest.raises(InputError, match="PUSHFORWARD_SAVE_SECONDS to be a number"):
        seconds_between_saves()


HOLDER = """
import sys, time
from pathlib import Path
from pushforward.locking import alone_with
with alone_with(Path(sys.argv[1]), Path(sys.argv[1] + ".lock")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_who_holds_a_checkpoint(tmp_path):
    path = tmp_path / "c"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(FileError, match=rf"in use by process {holder.pid} on \S+ since 20\d\d-"):
        gan(path)
    holder.kill()
    holder.communicate()
    assert (tmp_path / "c.lock").exists()  # as it was killed; and it holds nobody off
    gan(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c"]


def test_a_lock_is_free_once_its_holder_has_ended_in_any_way(tmp_path):
    what, lock = tmp_path / "c", tmp_path / "c.lock"
    with pytest.raises(ZeroDivisionError), alone_with(what, lock):
        raise ZeroDivisionError
    with alone_with(what, lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
        with pytest.raises(FileError, match=f"process {os.getpid()} "), alone_with(what, lock):
            pass
    assert not lock.exists()


FIT = """
import sys, numpy as np, pushforward as pf
import pushforward.models.fitting as fitting
progress = fitting.progress
def telling(rounds, **about):
    for played in progress(rounds, **about):
        if played.number == 5:
            print("playing", flush=True)
        yield played
fitting.progress = telling
X = np.random.default_rng(0).normal(size=(60, 3))
pf.GAN(hidden=(8,), max_rounds=10**6, patience=10**6, random_state=0).fit(X, checkpoint=sys.argv[1])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_round_and_its_checkpoint(number, tmp_path):
    path = tmp_path / "c"
    process = subprocess.Popen(
        [sys.executable, "-c", FIT, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "playing\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert told.startswith("asked to end: finishing the round and saving; once more ends at once")
    assert process.returncode == -number  # as it would have acted without us
    assert read_file(path)["parts"]["training"]["round"] >= 5
    assert {file.name for file in tmp_path.iterdir()} <= {"c", "c.lock"}


def asked_at(round_, number, monkeypatch, times=1):
    """Let signals come in the middle of a round."""
    progress = fitting.log

    def asking(rounds, history):
        for played in progress(rounds, history):
            if played.number == round_:
                for _ in range(times):
                    signal.raise_signal(number)
            yield played

    monkeypatch.setattr(fitting, "log", asking)


def test_in_a_notebook_the_handlers_of_before_are_put_back(tmp_path, monkeypatch):
    whole, handlers = gan(), [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patch:
        asked_at(7, signal.SIGINT, patch)
        with pytest.raises(KeyboardInterrupt):
            gan(tmp_path / "c")
    assert read_file(tmp_path / "c")["parts"]["training"]["round"] == 7
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert same(gan(), whole)  # a later fit in the same process knows nothing of the signal
    assert same(gan(tmp_path / "c"), whole)


def test_a_second_signal_ends_at_once(tmp_path, monkeypatch):
    asked_at(7, signal.SIGINT, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        gan(tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_handler_that_lets_the_process_go_on_is_called_and_the_fit_ends(tmp_path, monkeypatch):
    called = []
    earlier = signal.signal(signal.SIGTERM, lambda *about: called.append(about[0]))
    try:
        asked_at(7, signal.SIGTERM, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            gan(tmp_path / "c")
    finally:
        signal.signal(signal.SIGTERM, earlier)
    assert called == [signal.SIGTERM]


def test_a_budget_ends_training_and_says_so():
    fitted = pf.GAN(hidden=(8,), random_state=0).fit(rows(), budget=0.3)
    assert fitted.stopped_by_ == "budget"
    assert 0 < fitted.n_rounds_ < fitted.max_rounds
    assert fitted.scores_[-1][0] == fitted.n_rounds_
