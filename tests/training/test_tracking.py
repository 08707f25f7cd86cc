"""Trackers are told the whole learning curve, once, and by their own interface."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pushforward as pf
from pushforward.errors import InputError
from pushforward.training.tracking import MLflow, TensorBoard, WandB, tracker_of

X = np.random.default_rng(0).normal(size=(80, 2))
SHORT: dict[str, Any] = {"hidden": (8,), "max_rounds": 120, "patience": 40, "random_state": 0}


class Notes:
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.told: list[tuple[int, dict[str, float]]] = []

    def describe(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def log(self, step: int, values: dict[str, float]) -> None:
        self.told.append((step, values))

    def values(self, name: str) -> list[tuple[int, float]]:
        return [(step, values[name]) for step, values in self.told if name in values]


def test_a_tracker_is_told_the_whole_curve_once() -> None:
    notes = Notes()
    model = pf.GAN(**SHORT).fit(X, progress=False, track=notes)
    assert notes.settings["method"] == "GAN"
    assert notes.settings["max_rounds"] == 120
    fools = [(row["round"], row["generator/fool"]) for row in model.history_]
    assert notes.values("generator/fool") == fools
    assert notes.values("score") == model.scores_


def test_each_restart_has_curves_of_its_own() -> None:
    notes = Notes()
    model = pf.GAN(**SHORT, restarts=2).fit(X, progress=False, track=notes)
    both = [notes.values(f"{k}/score") for k in range(2)]
    assert both[0] != both[1]
    assert model.scores_ in both


def test_training_is_the_same_with_a_tracker() -> None:
    with_one = pf.GAN(**SHORT).fit(X, progress=False, track=Notes())
    without = pf.GAN(**SHORT).fit(X, progress=False)
    assert np.array_equal(with_one.sample(5, random_state=1), without.sample(5, random_state=1))


def test_a_fit_that_goes_on_tells_only_what_is_new(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):
        pass

    class Interrupting(Notes):
        def log(self, step: int, values: dict[str, float]) -> None:
            super().log(step, values)
            if step > 60:
                raise Enough

    monkeypatch.setenv("PUSHFORWARD_SAVE_SECONDS", "0")
    file, long = tmp_path / "fit.checkpoint", SHORT | {"patience": 500}
    before, after = Interrupting(), Notes()
    with pytest.raises(Enough):
        pf.GAN(**long).fit(X, progress=False, track=before, checkpoint=file)
    model = pf.GAN(**long).fit(X, progress=False, track=after, checkpoint=file)
    told = [*before.values("score"), *after.values("score")]
    assert list(dict.fromkeys(told)) == model.scores_
    assert after.told[0][0] > 50


def test_mlflow_and_wandb_are_told_by_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    mlflow = SimpleNamespace(
        set_experiment=lambda name: calls.append(("experiment", name)),
        log_params=lambda settings: calls.append(("params", settings)),
        log_metrics=lambda values, step: calls.append(("metrics", values, step)),
    )
    run = SimpleNamespace(
        config=SimpleNamespace(update=lambda s, **_: calls.append(("config", s))),
        log=lambda values, step: calls.append(("log", values, step)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(run=None, init=lambda **_: run))
    for tracker in (MLflow("mine"), WandB("mine")):
        tracker.describe({"a": 1})
        tracker.log(3, {"score": 0.5})
    assert calls == [
        ("experiment", "mine"),
        ("params", {"a": "1"}),
        ("metrics", {"score": 0.5}, 3),
        ("config", {"a": 1}),
        ("log", {"score": 0.5}, 3),
    ]


def test_tensorboard_files_hold_the_curve(tmp_path: Any) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    model = pf.GAN(**SHORT).fit(X, progress=False, track=TensorBoard(str(tmp_path)))
    found = events.EventAccumulator(str(tmp_path)).Reload().Scalars("score")
    assert [event.step for event in found] == [number for number, _ in model.scores_]
    assert [event.value for event in found] == pytest.approx([s for _, s in model.scores_])


def test_a_tracker_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected track to be pf\.TensorBoard"):
        pf.GAN(**SHORT).fit(X, track="tensorboard")
    with pytest.raises(InputError, match="expected --track tensorboard, mlflow, wandb"):
        tracker_of("comet")
