"""Learning curves told to a tracker as they come: TensorBoard, MLflow, Weights & Biases, or yours.

    pf.VAE().fit(X, track=pf.TensorBoard("runs/vae"))

A tracker is any object with `describe` and `log`; those here are a few lines each and import what
they are for when they are made (`pip install "pushforward[track]"`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from pushforward.errors import InputError
from pushforward.training.adaptors import History, Stopper
from pushforward.training.loop import Round

SCORE = "score"  # what samples score against held-out rows, beside the terms of losses
SETTINGS = 500  # characters of a setting, the most that MLflow takes


@runtime_checkable
class Tracker(Protocol):
    """Who is told how a training goes."""

    def describe(self, settings: dict[str, Any]) -> None:
        """Be told what is trained, before the first round."""
        ...

    def log(self, step: int, values: dict[str, float]) -> None:
        """Be told values by name, after so many rounds."""
        ...


class TensorBoard:
    """Scalars in a folder that `tensorboard --logdir` shows."""

    def __init__(self, folder: str) -> None:
        self.writer = _imported("torch.utils.tensorboard", "tensorboard").SummaryWriter(folder)

    def describe(self, settings: dict[str, Any]) -> None:
        rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
        self.writer.add_text("settings", f"| | |\n|-|-|\n{rows}")

    def log(self, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()  # what an interrupted process has told is there


class MLflow:
    """Metrics of the active MLflow run, or of a new one in the experiment of that name."""

    def __init__(self, experiment: str | None = None) -> None:
        self.mlflow = _imported("mlflow", "mlflow")
        if experiment is not None:
            self.mlflow.set_experiment(experiment)

    def describe(self, settings: dict[str, Any]) -> None:
        told = {name: str(value)[:SETTINGS] for name, value in settings.items()}
        self.mlflow.log_params(told)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.mlflow.log_metrics(values, step=step)


class WandB:
    """Metrics of the active Weights & Biases run, or of a new one in the project of that name."""

    def __init__(self, project: str | None = None) -> None:
        wandb = _imported("wandb", "wandb")
        self.run = wandb.run or wandb.init(project=project)

    def describe(self, settings: dict[str, Any]) -> None:
        self.run.config.update(settings, allow_val_change=True)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.run.log(values, step=step)


TRACKERS = {"tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WandB}
FOLDER = "runs"  # of TensorBoard, where none is named


def tracker_of(text: str) -> Tracker:
    """The tracker that a command names: tensorboard:FOLDER, mlflow:EXPERIMENT or wandb:PROJECT.

    Raises:
        InputError: there is no such tracker, or it is not installed.
    """
    name, _, where = text.partition(":")
    if name not in TRACKERS:
        raise InputError(
            f"expected --track {', '.join(TRACKERS)}, with :FOLDER, :EXPERIMENT or :PROJECT, "
            f"got {text!r}"
        )
    if name == "tensorboard":
        return TensorBoard(where or FOLDER)
    return TRACKERS[name](where or None)


def check_tracker(tracker: Any) -> None:
    """Refuse what cannot be told anything."""
    if tracker is not None and not isinstance(tracker, Tracker):
        raise InputError(
            "expected track to be pf.TensorBoard(...), pf.MLflow(...), pf.WandB(...) or an object "
            f"with describe(settings) and log(step, values), got {tracker!r}"
        )


class Curve:
    """What is new in the learning curve of one fit, since its tracker was last told.

    A fit that goes back tells the rounds that it plays anew once more.
    """

    def __init__(
        self, tracker: Tracker, history: History, stopper: Stopper, before: str = ""
    ) -> None:
        self.tracker, self.history, self.stopper, self.before = tracker, history, stopper, before
        self.catch_up()

    def catch_up(self) -> None:
        """Take what is there, from a checkpoint, as told."""
        self.told = len(self.history.rows), len(self.stopper.scores)

    def tell(self) -> None:
        rows, scores = self.told
        for row in self.history.rows[rows:]:
            values = {self.before + name: v for name, v in row.items() if name != "round"}
            self.tracker.log(int(row["round"]), values)
        for number, score in self.stopper.scores[scores:]:
            self.tracker.log(number, {self.before + SCORE: score})
        self.catch_up()


def track(rounds: Iterable[Round], curves: Sequence[Curve]) -> Iterator[Round]:
    """Tell trackers what each round adds to the curves."""
    for played in rounds:
        for curve in curves:
            curve.tell()
        yield played


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f'{package} is not installed: pip install "pushforward[track]", or {package} alone'
        ) from error
