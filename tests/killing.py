"""Fits in processes that are killed with SIGKILL, gone on with, and compared byte for byte.

Processes are forked from one that has imported torch, which costs milliseconds and not seconds.
"""

import os
import signal
import time
import traceback
import warnings
from functools import partial

import numpy as np
import torch

from helpers import NAMES, ON_IMAGES, TINY, fit, tiny
from pushforward.models.neural import NeuralSampler
from pushforward.safekeeping import is_kept
from pushforward.study.population import fit_population

TRAINED = [n for n in (*NAMES, *ON_IMAGES) if isinstance(tiny(n), NeuralSampler)]
MANY = ("restarts of gan", "population of wgan")  # several at once, from one checkpoint
SLOWEST = 120  # seconds, after which a fit hangs


def rows(name):
    """Data for a method: rows, or images where it takes nothing else."""
    rng = np.random.default_rng(0)
    if name in ON_IMAGES:
        return rng.random((24, 16, 16))
    return rng.normal(size=(60, 4)) ** 3


def train(name, max_rounds, checkpoint, folder):
    """Fit a registry row, or several at once, and save what came of it into `folder`."""
    few = {"max_rounds": max_rounds, "patience": 10 * max_rounds, "random_state": 0}
    if name == "population of wgan":
        options = TINY["wgan"] | {"max_rounds": max_rounds, "patience": 10 * max_rounds}
        rates = {"learning_rate": [1e-3, 1e-4]}
        for k, member in enumerate(
            fit_population(
                "wgan",
                rows(name),
                random_states=[0, 1],
                each=rates,
                checkpoint=checkpoint,
                **options,
            )
        ):
            member.save(folder / str(k))
        return
    if name == "restarts of gan":
        name, few = "gan", few | {"restarts": 2}
    fit(tiny(name).set_params(**few), rows(name), checkpoint=checkpoint).save(folder / "0")


def in_child(work):
    """Begin `work()` in a process of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SLOWEST)
        torch.set_num_threads(1)
        os.environ["PUSHFORWARD_SAVE_SECONDS"] = "0"  # a checkpoint every round
        torch.manual_seed(int.from_bytes(os.urandom(4), "little"))  # nobody may draw from these
        np.random.seed(int.from_bytes(os.urandom(4), "little"))
        warnings.simplefilter("ignore")  # of models that contain rows
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def outcome(pid):
    """How a child ended: 0 for well, −9 for killed."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def files(folder):
    """What is in the models below a folder; a hidden folder is one whose writing was cut off."""
    found = sorted(file for file in folder.glob("[!.]*/*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


def survive(name, folder, kills, max_rounds, rng):
    """Train once in one go, and once killed so often at random moments: what is then the case.

    Every other kill comes soon after a first checkpoint, the others at any moment. `equal`: whether
    the models are the same bytes; `kills`: how many met a training; `writing`: of these, in the
    middle of a write; `resumed`: those that left a checkpoint to go on from.
    """
    began = time.monotonic()
    found = {"kills": 0, "writing": 0, "resumed": 0}
    found["ended"] = outcome(in_child(partial(train, name, max_rounds, None, folder / "whole")))
    seconds = time.monotonic() - began
    checkpoint = folder / "checkpoint"
    again = partial(train, name, max_rounds, checkpoint, folder / "killed")
    while found["ended"] == 0 and found["kills"] < kills:
        before = stamp(checkpoint)
        pid = in_child(again)
        if found["kills"] % 2 == 0:
            while stamp(checkpoint) == before and not is_over(pid):
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.05))
        else:
            time.sleep(rng.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        if outcome(pid) == 0 or files(folder / "killed"):  # it had come to its end
            break
        found["kills"] += 1
        found["resumed"] += is_kept(checkpoint)
        found["writing"] += bool([*folder.glob(".checkpoint*.tmp"), *folder.glob("*.new")])
    if found["ended"] == 0:
        found["ended"] = outcome(in_child(again))
    found["equal"] = files(folder / "whole") == files(folder / "killed") != {}
    return found


def stamp(file):
    """What changes with every write of a file."""
    try:
        return file.stat().st_ino, file.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def is_over(pid):
    """Whether a child has ended, without taking its outcome."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
