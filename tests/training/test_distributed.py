"""Two processes with half of each batch do what one does with all of it."""

import json
import os
import runpy
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import pushforward as pf
from games import KINDS, VARIANTS, start
from helpers import tiny
from pushforward.errors import DeviceError, InputError
from pushforward.models.history import HistoryBuffer
from pushforward.models.shards import beyond_means
from pushforward.networks.growing import MinibatchDeviation
from pushforward.training import device
from pushforward.training.distributed import Processes, own_gpu, together
from pushforward.training.game import as_loss
from pushforward.training.loop import Stream, Training

BOTH = [Processes(0, 2), Processes(1, 2)]
METHODS = ["vae", "wgan-gp", "began"]
OPTIONS = {"max_rounds": 20, "hidden": (16,), "batch_size": 16, "random_state": 0}

SCRIPT = """
import hashlib, json, sys, warnings
from functools import partial
from pathlib import Path
import numpy as np
import torch
import pushforward as pf
import pushforward.models.fitting as fitting
import pushforward.sampler as sampler
import pushforward.training.adaptors as adaptors
from pushforward.cli import main
from pushforward.errors import FileError, InputError
from pushforward.training.distributed import together

warnings.simplefilter("error")
out, options = Path(sys.argv[1]), json.loads(sys.argv[2])
X = np.random.default_rng(0).normal(size=(64, 4))
rank = together().rank
facts = {}

def noting(write):
    def noted(path, *rest):
        facts.setdefault("writes", []).append(path.name)
        write(path, *rest)
    return noted

sampler.write_folder = noting(sampler.write_folder)
adaptors.keep_twice = noting(adaptors.keep_twice)

def digest(model):
    tensors = model.game_.state_dict().values()
    return hashlib.sha256(b"".join(t.numpy().tobytes() for t in tensors)).hexdigest()

for name in sys.argv[3:]:
    model = pf.METHODS[name].make(**options).fit(X)
    loaded = pf.load_model(model.save(out / name))  # on every process, as soon as it is saved
    facts[name] = [digest(model), digest(loaded), model.history_, model.scores_]

# Interrupted on all, and gone on with.
fitting.save = partial(adaptors.save, seconds=0.0)
progress = fitting.progress

def interrupted(rounds, **about):
    for played in progress(rounds, **about):
        if played.number == 12:
            raise KeyboardInterrupt
        yield played

fitting.progress = interrupted
try:
    pf.VAE(**options).fit(X, checkpoint=out / "checkpoint")
except KeyboardInterrupt:
    fitting.progress = progress
pf.VAE(**options).fit(X, checkpoint=out / "checkpoint").save(out / "resumed")
fitting.save = adaptors.save

# Without a seed, with a clock, and with a module that each process draws for itself.
torch.manual_seed(rank)
networks = {"generator": torch.nn.Linear(8, 4)}
timed = pf.GAN(hidden=(8,), batch_size=16, decay=True, networks=networks)
timed.fit(X, budget=0.3)
facts["timed"] = [timed.seed_, timed.stopped_by_, timed.n_rounds_, digest(timed)]
many = pf.GAN(**options | {"restarts": 2, "max_rounds": 5}).fit(X)
facts["restarts"] = [*many.restart_scores_, digest(many)]
inner = pf.Autoencoder(density=pf.VAE(max_rounds=2, hidden=(4,), batch_size=8), **options).fit(X)
facts["inner"] = [digest(inner), digest(inner.density_)]
try:
    main(["fit", "ring", "--method", "gan", "--set", "max_rounds=3", "--out", str(out / "cli")])
except SystemExit as end:
    facts["cli"] = end.code

(out / "taken").mkdir(exist_ok=True)
(out / "taken" / f"{rank}.txt").touch()
together().told(None)
try:
    model.save(out / "taken")
except FileError as error:
    facts["error"] = str(error)
try:
    together().check_alike({"rows": rank, "seed": 0})
except InputError as error:
    facts["other"] = str(error)
(out / f"{rank}.json").write_text(json.dumps(facts))
"""


def launched(out):
    """What each of two processes saw, which leave all else behind in that folder."""
    (out / "script.py").write_text(SCRIPT)
    arguments = [out / "script.py", out, json.dumps(OPTIONS), *METHODS]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


def rows():
    return np.random.default_rng(0).normal(size=(64, 4))


def weights_apart(folder, model):
    loaded = pf.load_model(folder).game_.state_dict()
    return max(
        float((loaded[name].double() - tensor.double()).abs().max())
        for name, tensor in model.game_.state_dict().items()
        if tensor.numel()
    )


def test_two_processes(tmp_path):
    facts = launched(tmp_path)  # once: it takes seconds
    for method in METHODS:
        assert_two_processes_learn_what_one_does(tmp_path, *facts, method)
    assert_an_interrupted_fit_is_gone_on_with_by_any_number_of_processes(tmp_path)
    assert_one_process_writes(*facts)
    assert_what_differs_between_processes_is_the_first_ones(*facts)
    assert_the_command_and_errors_are_of_all(tmp_path, *facts)


def assert_two_processes_learn_what_one_does(folder, first, second, method):
    alone = pf.METHODS[method].make(**OPTIONS).fit(rows())
    assert weights_apart(folder / method, alone) < 1e-5
    there = pf.load_model(folder / method)
    assert np.allclose(
        there.sample(5, random_state=1), alone.sample(5, random_state=1), atol=1e-4, rtol=0
    )
    assert first[method] == second[method]  # weights to the last bit, curve and scores
    assert first[method][0] == first[method][1]
    scores = [score for _, score in first[method][3]]
    assert np.allclose(scores, [score for _, score in alone.scores_], atol=1e-3)


def assert_an_interrupted_fit_is_gone_on_with_by_any_number_of_processes(folder):
    alone = pf.VAE(**OPTIONS).fit(rows())
    assert weights_apart(folder / "resumed", alone) < 1e-5
    # The checkpoint of two, read by one.
    again = pf.VAE(**OPTIONS).fit(rows(), checkpoint=folder / "checkpoint")
    assert weights_apart(folder / "resumed", again) == 0


def assert_one_process_writes(first, second):
    assert "writes" not in second
    folders = [name for name in first["writes"] if name != "checkpoint"]
    assert folders[: len(METHODS) + 1] == [*METHODS, "resumed"]
    # All rounds and the end, of those before the interruption and of those after it.
    assert first["writes"].count("checkpoint") == OPTIONS["max_rounds"] + 1


def assert_what_differs_between_processes_is_the_first_ones(first, second):
    assert first["timed"] == second["timed"]
    assert first["timed"][1] == "budget"
    assert first["restarts"] == second["restarts"]
    assert first["inner"] == second["inner"]
    assert len(first["restarts"]) == 3


def assert_the_command_and_errors_are_of_all(folder, first, second):
    assert (first["cli"], second["cli"]) == (0, 0)
    assert pf.load_model(folder / "cli").n_rounds_ == 3
    assert not (folder / "cli.checkpoint").exists()
    assert first["error"] == second["error"]
    assert "something else is there" in first["error"]
    assert "other" not in first
    assert "process 1 of 2 has other rows than process 0" in second["other"]


def shares(training, seed=0):
    """The first batches of both processes."""
    whole = training.stream
    streams = [
        Stream(whole.x, 16, whole.noise, torch.Generator().manual_seed(seed), processes)
        for processes in BOTH
    ]
    return [next(stream) for stream in streams]


def test_shares_of_a_batch_and_its_noise_are_the_batch():
    training = start("vae")
    x, noise = next(training.stream)
    parts = shares(training)
    assert torch.equal(torch.cat([rows for rows, _ in parts]), x)
    for name, drawn in noise.items():
        assert torch.equal(torch.cat([theirs[name] for _, theirs in parts]), drawn)


def gradients(training, batch):
    """Of all players, one after the other."""
    losses = [(player.name, player.loss(*batch)) for player in training.players]
    return [slope for name, loss in losses for slope in training.differentiate(name, loss)[1]]


def apart(training, batch, halves):
    """How far the mean gradient over halves is from that of the batch, as a share of it."""
    first, second, whole = (gradients(training, part) for part in (*halves, batch))
    return max(
        float(((a + b) / 2 - c).abs().max() / c.abs().max().clamp(min=1e-3))
        for a, b, c in zip(first, second, whole, strict=True)
    )


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_losses_are_means_over_rows_or_named(name, options):
    training = start(name, options)
    difference = apart(training, next(training.stream), shares(training))
    training.stream.share = BOTH[0].share(16)
    if not beyond_means(training.game, training.stream):
        assert difference < 1e-4
    elif name == "unrolled-gan" or options.get("packing"):
        assert difference > 1e-4  # the others differ later, or by ρ = 1e-6


def start_on_images(name, **options):
    rng = np.random.default_rng(0)
    sampler = tiny(name, batch_size=16, **options)
    A, B = rng.random((2, 32, 16, 16))
    Z, _ = sampler._before(A, B if sampler.takes == "other rows" else None)
    with device.seeded(0):
        game = sampler._game(*Z.shape)
    x = torch.as_tensor(Z, dtype=torch.float32)
    stream = Stream(x, 16, game.noise, torch.Generator().manual_seed(0))
    return Training(game, stream, sampler._optimisers(game))


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("gan", {"width": 2}, 0),
        ("shared-autoencoder", {}, 0),
        ("super-resolution", {}, 0),
        ("sim-gan", {"history": 0}, 0),
        ("sim-gan", {}, 1),
        ("progressive-gan", {}, 1),
        ("dc-gan", {"width": 2}, 1),
    ],
)
def test_losses_on_images_are_means_over_rows_or_named(name, options, named):
    training = start_on_images(name, **options)
    batch = next(training.stream)
    halves = shares(training)
    assert len(beyond_means(training.game, training.stream)) == named
    if not named:
        assert apart(training, batch, halves) < 1e-4


def test_what_is_named():
    told = {name: beyond_means(start(name).game, start(name).stream) for name in ("vae", "gan")}
    assert told == {"vae": [], "gan": []}
    named = {name for name, options in VARIANTS if not options and _told(name)}
    assert named == {"fisher-gan", "unrolled-gan", "cycle-gan"}
    assert len(_told("gan", packing=3, penalty="r1")) == 2
    assert _told("gan", packing=2) == []


def _told(name, **options):
    training = start(name, options)
    training.stream.share = BOTH[0].share(16)
    return beyond_means(training.game, training.stream)


@pytest.mark.parametrize("module", [nn.BatchNorm2d(3), MinibatchDeviation(), HistoryBuffer(8, 2)])
def test_layers_that_look_beside_their_row_are_named(module):
    assert len(beyond_means(nn.Sequential(module), None)) == 1
    if isinstance(module, HistoryBuffer):
        return
    x = torch.randn(16, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(torch.cat([module(x[:8]), module(x[8:])]), module(x), atol=1e-3)


class Halves:
    """Processes that have heard of each other what both have said."""

    def average(self, tensors):
        return [tensor.detach() / 2 for tensor in tensors]


@pytest.mark.parametrize(("name", "options"), KINDS[:4], ids=str)
def test_all_that_is_logged_or_moves_is_averaged(name, options):
    training, halved = start(name, options), start(name, options)
    player = training.players[0]
    loss, gradient = training.differentiate(player.name, player.loss(*next(training.stream)))
    mean, slopes = halved.averaged(Halves(), loss, gradient)
    for whole, half in zip(gradient, slopes, strict=True):
        assert torch.equal(half, whole / 2)
    assert mean.terms == {name: value / 2 for name, value in as_loss(loss).terms.items()}


def test_statistics_and_numbers_are_averaged_and_rows_are_not():
    training = start("cycle-gan")
    training.buffers["norm.running_mean"] = torch.ones(2)
    player = training.players[0]
    loss, gradient = training.differentiate(player.name, player.loss(*next(training.stream)))
    loss = loss._replace(outputs=loss.outputs | {"balance": torch.tensor(4.0)})
    mean, _ = training.averaged(Halves(), loss, gradient)
    assert training.buffers["norm.running_mean"].tolist() == [0.5, 0.5]
    assert mean.outputs["balance"] == 2
    assert mean.outputs["pool_a.rows"] is loss.outputs["pool_a.rows"]


def test_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(InputError, match=r"3 processes share equally, got 128 .*of 3, 126"):
        Processes(1, 3).share(128)
    with pytest.raises(InputError, match="a multiple of 4, 4"):
        Processes(1, 4).share(2)


def test_alone_there_are_no_processes(monkeypatch):
    assert together() is None
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert together() is None


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device.choose_device("auto") == torch.device("cuda")
    monkeypatch.setattr(device, "together", lambda: BOTH[1])
    assert device.choose_device("auto") == device.choose_device("cuda") == torch.device("cuda", 1)
    assert device.choose_device("cpu") == torch.device("cpu")
    assert chosen == [1, 1]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match="got 2 for process number 3"):
        own_gpu()


def test_the_package_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pushforward", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("pushforward", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == f"pushforward {pf.__version__}"
