"""What is wrapped around the loop."""

import itertools
import math
import time

import pytest
import torch
from torch import nn

from pushforward.errors import DeviceError, FileError
from pushforward.storage import read_file, write_file
from pushforward.training.adaptors import (
    Average,
    Clock,
    History,
    Stopper,
    keep_average,
    limit,
    log,
    progress,
    save,
    stop,
    until,
)
from pushforward.training.checkpoint import Checkpoint
from pushforward.training.device import choose_device, seeded, threads_for
from pushforward.training.loop import Round


def rounds(values=None):
    for number, value in enumerate(values or itertools.repeat(1.0), start=1):
        yield Round(number, {"model": {"loss": torch.tensor(float(value))}})


def test_the_log_holds_means_over_the_rounds():
    history = History(every=3)
    for _ in log(rounds([1, 2, 6, 5, 5, 5, 9]), history):
        pass
    assert history.rows == [
        {"round": 3, "model/loss": 3.0},
        {"round": 6, "model/loss": 5.0},
    ]


def test_a_learning_curve_goes_through_a_checkpoint_whole(tmp_path):
    history, other = History(every=2), History(every=2)
    for number in range(1, 8):  # a game that grows logs other terms in other rounds
        terms = {"model": {"loss": torch.tensor(1 / number)}}
        if number > 2:
            terms["model"]["fade"] = torch.tensor(0.1)
        history.add(Round(number, terms))
    write_file(tmp_path / "c", history.state_dict())
    other.load_state_dict(read_file(tmp_path / "c"))
    assert other.rows == history.rows
    assert [list(row) for row in other.rows] == [list(row) for row in history.rows]
    assert type(other.rows[0]["round"]) is int
    for each in (history, other):
        each.add(Round(8, {"model": {"loss": torch.tensor(0.5), "fade": torch.tensor(0.3)}}))
    assert other.rows == history.rows


def test_the_average_is_an_exponential_moving_average():
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    average, expected = Average(module, 0.9), 0.0
    for played in keep_average(itertools.islice(rounds(), 200), average):
        module.weight.data.fill_(float(played.number))
        decay = min(0.9, (1 + played.number) / (10 + played.number))
        if played.number > 1:
            expected = decay * expected + (1 - decay) * (played.number - 1)
    assert average.mean[0].item() == pytest.approx(expected, rel=1e-5)
    live = module.weight.item()
    average.swap()
    assert module.weight.item() == pytest.approx(expected, rel=1e-5)
    average.swap()
    assert module.weight.item() == live


def test_training_stops_when_the_best_has_long_passed_and_keeps_it():
    module = nn.Linear(1, 1, bias=False)
    average = Average(module, 0.0)
    stopper = Stopper(average, lambda: (module.weight.item() - 30) ** 2, patience=20)

    def walk():
        for played in rounds():
            module.weight.data.fill_(float(played.number))
            average.mean[0].fill_(float(played.number))
            yield played

    last = [played.number for played in stop(walk(), stopper)][-1]
    assert stopper.best_round == 30
    assert last == 60  # as long again as it took to get there
    stopper.restore()
    assert module.weight.item() == 30
    assert min(score for _, score in stopper.scores) == 0


def test_scores_before_the_start_neither_stop_nor_count():
    module = nn.Linear(1, 1, bias=False)
    average = Average(module, 0.0)

    def score():  # the best of all come early, and from round 30 on that of round 35 is best
        weight = module.weight.item()
        return weight - 3 if weight < 30 else abs(weight - 35) + 10

    stopper = Stopper(average, score, patience=20, start=30)

    def walk():
        for played in rounds():
            module.weight.data.fill_(float(played.number))
            average.mean[0].fill_(float(played.number))
            yield played

    best = {played.number: stopper.best_round for played in stop(walk(), stopper)}
    assert best[29] == 29  # the last state, whatever its score
    assert max(best) == 70
    assert best[70] == 35
    assert stopper.best_score == 10


def test_limits():
    assert [r.number for r in limit(rounds(), 3)] == [1, 2, 3]
    assert [r.number for r in until(rounds(), time.monotonic() - 1)] == [1]
    assert len(list(until(limit(rounds(), 5), None))) == 5


def test_a_checkpoint_is_written_at_the_end_and_between(tmp_path):
    written = []
    path = tmp_path / "c"
    for played in save(limit(rounds(), 3), path, lambda: {"n": len(written)}, seconds=0.0):
        written.append(read_file(path)["n"])
        assert played.number == len(written)
    assert written == [0, 1, 2]
    assert read_file(path)["n"] == 3


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "c"
    clock = Clock()
    mine = Checkpoint({"seed": 1, "rows": "a"}, {"clock": clock})
    assert not mine.resume(path)
    for _ in save(limit(rounds(), 1), path, mine.state):
        pass
    assert mine.resume(path)
    with pytest.raises(FileError, match=r"another run \(different: seed\); choose another folder"):
        Checkpoint({"seed": 2, "rows": "a"}, {"clock": clock}).resume(path)


def test_the_clock_counts_earlier_processes():
    clock = Clock()
    clock.load_state_dict({"seconds": 100.0})
    assert 100.0 <= clock.seconds < 101.0


def test_progress_is_silent_when_not_a_terminal(capsys):
    shown = progress(
        limit(rounds(), 3),
        shown=True,
        label="x",
        start=0,
        max_rounds=3,
        deadline=None,
        score=lambda: 0.0,
    )
    assert len(list(shown)) == 3
    assert capsys.readouterr() == ("", "")


def test_progress_is_silent_when_told_so(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    options = {"label": "x", "start": 0, "max_rounds": 3, "deadline": None, "score": lambda: 0.0}
    assert len(list(progress(limit(rounds(), 3), shown=False, **options))) == 3
    assert capsys.readouterr() == ("", "")


def test_progress_has_an_estimate_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for _ in progress(
        limit(rounds(), 3),
        shown=True,
        label="GAN",
        start=0,
        max_rounds=3,
        deadline=None,
        score=lambda: math.inf,
    ):
        time.sleep(0.3)
    assert "GAN" in capsys.readouterr().err


def test_devices():
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(DeviceError, match=r"expected a device among cpu.*got 'tpu'"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="got 'cuda'"):
            choose_device("cuda")


def test_seeds_and_threads_are_put_back():
    before = torch.random.get_rng_state()
    with seeded(3):
        first = torch.rand(2)
    with seeded(3):
        assert torch.equal(first, torch.rand(2))
    assert torch.equal(before, torch.random.get_rng_state())
    threads = torch.get_num_threads()
    with threads_for(parameters=10, batch_size=10):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads
