"""Studies on a Ray cluster on this machine: workers are killed, and nothing is lost or twice."""

import builtins
import json
import os
import signal
import socket
import time

import numpy as np
import pytest
import ray

from pushforward.errors import FileError, InputError, StudyError
from pushforward.study import ray_engine
from pushforward.study.plan import Trial
from pushforward.study.ray_engine import Cluster
from pushforward.study.request import as_dataset
from pushforward.study.study import run_study

X = np.random.default_rng(0).normal(size=(160, 3))
SMALL = {"methods": "gaussian,vae", "trials": 2, "restarts": 1, "max_rounds": 5}


def test_a_cluster_that_is_not_there_is_said_at_once(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"  # where nobody listens
        for where in (address, f"ray://{address}"):
            with pytest.raises(StudyError, match=r"no Ray cluster answers at .*ray start --head"):
                Cluster(as_dataset(X), tmp_path, True, where)
    for where in ("nonsense", "localhost:http"):
        with pytest.raises(InputError, match="expected the address of a Ray cluster"):
            Cluster(as_dataset(X), tmp_path, True, where)

    def end(*_, **__):
        raise SystemExit(15)  # as Ray does where something else listens

    monkeypatch.setattr(ray, "init", end)
    with pytest.raises(StudyError, match=r"can be joined at auto.*RAY_AUTH_MODE"):
        Cluster(as_dataset(X), tmp_path, True, "auto")


def test_without_ray_the_error_says_what_to_install(tmp_path, monkeypatch):
    usual = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "ray":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'pushforward\[study\]'"):
        Cluster(as_dataset(X), tmp_path, True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One that a study started; those that begin while it runs join it."""
    engine = Cluster(as_dataset(X), tmp_path_factory.mktemp("run"), True, jobs=2)
    yield engine
    engine.close()
    assert not ray.is_initialized()  # who starts a cluster ends it


def killed_once(marker):
    def also(*_):
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return []

    return also


def trial(number=0, method="gaussian", also=None):
    return Trial(method, number, "method", 0, None, None, held_out=True, also=also)


def lines(folder):
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("cluster")
def test_a_worker_is_killed_and_the_study_ends_as_that_on_one_process(tmp_path):
    marker = tmp_path / "killed"
    many = run_study(X, out=tmp_path / "many", engine="ray", also=killed_once(marker), **SMALL)
    assert marker.exists()
    assert many.complete
    assert ray.is_initialized()  # it was not this study that started the cluster
    one = run_study(X, out=tmp_path / "one", jobs=1, also=killed_once(marker), **SMALL)
    rows = {row["hash"]: row for row in lines(many.folder)}
    expected = {row["hash"]: row for row in lines(one.folder)}
    assert len(rows) == len(lines(many.folder))
    assert rows.keys() == expected.keys()
    for key, row in rows.items():
        for what in ("method", "repeat", "kind", "options", "scores", "status", "notes"):
            assert row[what] == expected[key][what]
    models = {path.name for path in (many.folder / "models").iterdir()}
    assert models == {path.name for path in (one.folder / "models").iterdir()}


def test_slots_are_the_cpus_of_the_cluster_or_fewer(cluster, tmp_path):
    assert cluster.slots == 2
    assert Cluster(as_dataset(X), tmp_path, True, jobs=1).slots == 1
    assert Cluster(as_dataset(X), tmp_path, True, jobs=9).slots == 2


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_dies_every_time_ends_the_study_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "RETRIES", 0)
    engine = Cluster(as_dataset(X), tmp_path, True)
    engine.submit([trial(also=killed_once(tmp_path / "no" / "marker"))])  # cannot be touched
    with pytest.raises(StudyError, match="broke off on a machine of the cluster: FileNotFound"):
        engine.next()
    engine.submit([trial(also=killed_once(tmp_path / "marker"))])
    with pytest.raises(StudyError, match=r"ran gaussian-0 died, 1 times .*fewer jobs"):
        engine.next()


@pytest.mark.usefixtures("cluster")
def test_an_error_of_ours_comes_back_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "samples").touch()  # where a folder should be
    engine = Cluster(as_dataset(X), tmp_path, True)
    engine.submit([trial()])
    with pytest.raises(FileError, match="samples"):
        engine.next()
    monkeypatch.setattr("pushforward.__version__", "0")
    engine.submit([trial()])
    with pytest.raises(StudyError, match="run by 0; install the same version on all machines"):
        engine.next()


@pytest.mark.usefixtures("cluster")
def test_a_head_that_is_gone_is_said_before_ray_ends_the_process(tmp_path, monkeypatch):
    engine = Cluster(as_dataset(X), tmp_path, True)
    engine.submit([trial()])
    monkeypatch.setattr(ray_engine, "_answers", lambda _: False)
    with pytest.raises(StudyError, match=r"the head of the Ray cluster, .*, is gone; finished"):
        engine.next()


@pytest.mark.usefixtures("cluster")
def test_closing_ends_what_runs(tmp_path):
    started, ended = tmp_path / "started", tmp_path / "ended"

    def slow(*_):
        started.touch()
        time.sleep(1)
        ended.touch()
        return []

    engine = Cluster(as_dataset(X), tmp_path, True)
    engine.submit([trial(also=slow)])
    while not started.exists():
        time.sleep(0.05)
    engine.close()
    time.sleep(1.5)
    assert not ended.exists()
