"""What every sampler that trains a game shares: how it is fitted, stopped, saved and drawn from."""

from __future__ import annotations

import hashlib
import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import clone
from torch import nn

import pushforward
from pushforward.data.encoded_rows import EncodedRows
from pushforward.data.windows import Windows
from pushforward.errors import Diverged, InputError, TrainingWarning
from pushforward.evaluation.extractors import evaluating
from pushforward.evaluation.neighbours import neighbour_gap
from pushforward.models.fitting import LOG, Fit, train
from pushforward.networks.convolutional import convolves
from pushforward.networks.family import (
    AUTO,
    NAMES,
    Family,
    Vectors,
    are_images,
    family,
    handed_drawer,
    handed_reader,
)
from pushforward.networks.weights import NoLargerThan, check_weights
from pushforward.sampler import Effort, Sampler, describe, is_whole
from pushforward.training.adaptors import Average, History, Stopper
from pushforward.training.device import choose_device, seeded
from pushforward.training.diagnosis import diagnose
from pushforward.training.distributed import together
from pushforward.training.game import Game
from pushforward.training.loop import Stream, Training, load_weights, optimisers_for
from pushforward.training.optimiser import Adam

HELD_BACK = 0.15  # of the rows, to stop by, when no validation rows are given
SCORE_ROWS = 1000  # a score compares so many held-out rows with as many generated ones
CHANCE = 0.02  # about the standard error of a score of so many rows
CHECKPOINT_FORMAT = 4  # one more when what a checkpoint holds changes
DRAW_BLOCK = 16384  # rows that go through a network at once when sampling
KNOWN_ROWS = 10_000  # of those on disk, that drawing is prepared with
IMAGE_BLOCK = 256  # images, of each of whose pixels a layer keeps many numbers


class NeuralSampler(Sampler):
    """A sampler that trains a game.

    A method says which game to build for encoded rows of p columns (`_game`), and how its networks
    turn noise into rows (`_generate`).
    """

    # What members of one population may differ in: numbers that the optimisers or buffers hold.
    continuous: ClassVar[tuple[str, ...]] = ("learning_rate", "betas")
    reads_disk: ClassVar[bool] = True

    numbers: ClassVar[str] = "quantile"  # of tables: bench/numeric_columns.py
    parts: ClassVar[tuple[str, ...]] = ()  # names of networks that a user may hand in
    activation: ClassVar[Callable[[], nn.Module]] = nn.ReLU  # of perceptrons
    mirrored: ClassVar[bool] = False  # whether those that draw have `hidden` reversed

    networks: str | Mapping[str, Any] = "auto"
    width: int | None = None
    hidden: Sequence[int]
    batch_size: int
    learning_rate: float
    betas: tuple[float, float]
    restarts: int
    decay: bool = False
    max_rounds: int
    patience: int
    average: float
    precision: str = "float32"
    device: str
    game_: Any  # the game that `_game` built, its networks known to the subclass

    @property
    def _scored_from(self) -> int:
        """The first round whose score may end training, or make a state the best."""
        return 0

    @property
    def _family(self) -> Family:
        """The networks for the data, where none were handed in."""
        sizes, activation = tuple(self.hidden), type(self).activation
        vectors = Vectors(self.encoding_.width, sizes, activation, self.mirrored)
        name = self.networks if isinstance(self.networks, str) else AUTO
        return family(name, self.encoding_, vectors, self.width)

    def _reader(self, part: str, n_out: int, *, beside: int = 0, packing: int = 1) -> nn.Sequential:
        """The network of that name from rows, and numbers beside them, to numbers `(n, n_out)`."""
        how = {"beside": beside, "packing": packing}
        given = self._given_network(part)
        if given is not None:
            return handed_reader(given, self.encoding_, n_out, **how)
        return self._family.reader(n_out, **how)

    def _drawer(self, part: str, n_in: int, *, packing: int = 1) -> nn.Sequential:
        """The network of that name from codes `(n, n_in)` to rows."""
        given = self._given_network(part)
        if given is not None:
            return handed_drawer(given, self.encoding_, n_in, packing=packing)
        return self._family.drawer(n_in, packing=packing)

    def _chosen(self, name: str) -> Any:
        """An option, or where a method leaves it open what it takes for this data."""
        return getattr(self, name)

    def _given_network(self, part: str) -> Any:
        return None if isinstance(self.networks, str) else self.networks.get(part)

    @abstractmethod
    def _game(self, n: int, p: int) -> Game:
        """The game for n training rows of p columns, with fresh weights."""

    @abstractmethod
    def _generate(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """n encoded rows from `self.game_`."""

    def _prepare(self, Z: torch.Tensor, held: np.ndarray, rng: np.random.Generator) -> None:
        """What drawing needs beside the networks, from training rows `(n, p)` and held-out ones."""

    def _fresh_seed(self) -> int:
        processes, seed = together(), super()._fresh_seed()
        return seed if processes is None else processes.told(seed)

    def _fit(self, Z: np.ndarray, effort: Effort) -> None:
        self._check_parameters()
        if self.restarts == 1:
            fit = self._begin(Z, effort)
            train([fit], effort)
            self._end(fit)
            return
        # All restarts share one split, so that their scores can be compared; the first is what a
        # fit without restarts would be.
        rngs = [np.random.default_rng(self.seed_)]
        rngs += [np.random.default_rng([self.seed_, k]) for k in range(1, self.restarts)]
        _seeds(effort.rng)
        rows, held = self._held_back(Z, effort)
        members = [clone(self).set_params(restarts=1) for _ in rngs]
        fits = []
        for member, rng in zip(members, rngs, strict=True):
            for name, value in vars(self).items():
                if name.endswith("_"):  # encodings, seed: what is learnt before training
                    setattr(member, name, value)
            fits.append(member._begin(rows, replace(effort, rng=rng, validation=held)))
        train(fits, effort)
        self.restart_scores_ = [fit.stopper.kept_score for fit in fits]
        best = int(np.argmin(self.restart_scores_))
        members[best]._end(fits[best])
        for name, value in vars(members[best]).items():
            if name.endswith("_"):
                setattr(self, name, value)

    def _begin(self, Z: np.ndarray, effort: Effort) -> Fit:
        """A fit to encoded rows that has not yet played a round."""
        processes, device = together(), choose_device(self.device)
        seeds = _seeds(effort.rng)
        rows, held = self._held_back(Z, effort)
        x: Any
        if isinstance(rows, EncodedRows):
            x = self._on_disk(rows, seeds[1], device)
            known = torch.as_tensor(
                rows.some(KNOWN_ROWS, np.random.default_rng(seeds[2])),
                dtype=torch.float32,
                device=device,
            )
        else:
            x = known = torch.as_tensor(rows, dtype=torch.float32, device=device)
        with seeded(seeds[0]):
            game = self._game(len(rows), Z.shape[1]).to(device)
        if processes is not None:
            processes.share_weights(game)
        # The order in memory in which convolutions take the least time; numbers stay as they are.
        game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.game_ = game
        batches = torch.Generator().manual_seed(seeds[1])
        stream = Stream(x, self._chosen("batch_size"), game.noise, batches, processes)

        def prepare() -> None:
            self._prepare(known, held, np.random.default_rng(seeds[2]))

        def score() -> float:
            # In training a batch norm lets rows depend on each other, and learns from a look.
            with evaluating(game):
                prepare()
                return self._score(held, seeds[3])

        scorer = score if processes is None else partial(processes.by_first, score)
        # Annealed weights are better if nothing speaks against them; and single pixels, by which
        # images are scored here, say little of whether strokes have become sharp.
        slack = CHANCE if self.decay or are_images(self.encoding_) else 0.0
        average = Average(game, self.average)
        shapes = tuple((name, t.shape) for name, t in game.state_dict().items())
        return Fit(
            name=type(self).__name__,
            alike=(type(self), self._fixed(), shapes, stream.batch_size, str(device)),
            max_rounds=self.max_rounds,
            training=Training(game, stream, self._optimisers(game), self.precision, processes),
            history=History(),
            average=average,
            stopper=Stopper(average, scorer, self.patience, slack, self._scored_from),
            fingerprint=self._fingerprint(rows, held),
            prepare=prepare,
            decay=self.decay,
        )

    def _on_disk(self, rows: EncodedRows, seed: int, device: torch.device) -> Any:
        """The table from which batches of rows on disk are taken."""
        return Windows(rows, seed, device)

    def _optimisers(self, game: Game) -> dict[str, Adam]:
        rate = self._chosen("learning_rate")
        return optimisers_for(game, rate, (self.betas[0], self.betas[1]))

    def _fixed(self) -> str:
        """The parameters that the members of a population must share, as text."""
        free = {"random_state", "restarts", *self.continuous}
        return repr({k: v for k, v in self.get_params().items() if k not in free})

    def _end(self, fit: Fit) -> None:
        """Take over what a fit has learnt.

        Raises:
            Diverged: there was no state to keep.
        """
        stopper = fit.stopper
        if fit.diverged is not None:
            if fit.failed:
                raise fit.diverged
            warnings.warn(
                f"{fit.diverged}; the state of round {stopper.best_round} is kept, the best before",
                TrainingWarning,
                stacklevel=3,
            )
        fit.training.game.eval()
        fit.prepare()
        self.history_, self.scores_ = fit.history.rows, stopper.scores
        self.n_rounds_, self.best_round_ = fit.training.round, stopper.best_round
        self.stopped_by_ = fit.stopped_by
        self.diagnosis_ = diagnose(
            self.history_,
            [score for score in self.scores_ if score[0] >= fit.stopper.start],
            stopped_by=self.stopped_by_,
            best_round=self.best_round_,
            rounds=self.n_rounds_,
            rollbacks=fit.healthy.rollbacks,
        )
        for finding in self.diagnosis_:
            LOG.info("%s: %s. %s", fit.name, finding.name, finding.sentence)
        self.game_ = fit.training.game.cpu().eval()

    def _held_back(self, Z: Any, effort: Effort) -> tuple[Any, np.ndarray]:
        """Training rows, and the rows by which training stops."""
        if isinstance(Z, EncodedRows):
            if effort.validation is not None and len(effort.validation) >= 2:
                return Z, effort.validation[:SCORE_ROWS]
            return Z.hold_back(max(2, min(SCORE_ROWS, round(HELD_BACK * len(Z)))), effort.rng)
        order = effort.rng.permutation(len(Z))
        if effort.validation is not None and len(effort.validation) >= 2:
            return Z, effort.validation[:SCORE_ROWS]
        n_held = max(2, min(SCORE_ROWS, round(HELD_BACK * len(Z))))
        if len(Z) - n_held < 2:  # nothing can be spared
            return Z, Z
        return Z[order[n_held:]], Z[order[:n_held]]

    def _score(self, held: np.ndarray, seed: int) -> float:
        """How far samples are from held-out rows: the larger smooth 1-NN half, 0 for equal laws.

        The same noise every time, so that two states are compared on the same draw.
        """
        fake = self._generate(len(held), np.random.default_rng(seed))
        if not np.isfinite(fake).all():
            return math.inf
        gaps = neighbour_gap(held, self.encoding_.snap(fake))
        return max(abs(gap) for gap in gaps)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return self._finite(self._generate(n, rng))

    def _finite(self, Z: np.ndarray) -> np.ndarray:
        """What was drawn, or a clear error."""
        if not np.isfinite(Z).all():
            raise Diverged(
                f"{type(self).__name__} draws values that are not finite; fit it again with a "
                "smaller learning_rate, or look for extreme values in the data"
            )
        return Z

    def _check_parameters(self) -> None:
        for name in ("batch_size", "max_rounds", "patience", "restarts"):
            value = self._chosen(name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise InputError(f"expected {name} to be a whole number above 0, got {value!r}")
        rate = self._chosen("learning_rate")
        if not (is_number(rate) and rate > 0):
            raise InputError(f"expected learning_rate to be above 0, got {rate!r}")
        betas = self.betas if isinstance(self.betas, (tuple, list)) else ()
        if len(betas) != 2 or not all(is_number(b) and 0 <= b < 1 for b in betas):
            raise InputError(
                f"expected betas to be two numbers from 0 to below 1, (0.9, 0.999), "
                f"got {self.betas!r}"
            )
        if not (is_number(self.average) and 0 <= self.average < 1):
            raise InputError(f"expected average to be at least 0 and below 1, got {self.average!r}")
        sizes = self.hidden if isinstance(self.hidden, (tuple, list)) else None
        if sizes is None or not all(isinstance(h, (int, np.integer)) and h > 0 for h in sizes):
            raise InputError(
                f"expected hidden to be sizes of layers, (128, 128), got {self.hidden!r}"
            )
        if self.width is not None and (not is_whole(self.width) or self.width < 1):
            raise InputError(f"expected width to be a whole number above 0, got {self.width!r}")
        if isinstance(self.networks, Mapping):
            unknown = sorted(set(self.networks) - set(self.parts))
            if unknown:
                raise InputError(
                    f"{type(self).__name__} has no network {', '.join(map(repr, unknown))}; those "
                    f"that can be handed in are {', '.join(self.parts)}"
                )
        elif not isinstance(self.networks, str) or self.networks not in NAMES:
            raise InputError(
                f"expected networks among {', '.join(map(repr, NAMES))}, or modules by name, got "
                f"{self.networks!r}"
            )

    def _fingerprint(self, train: Any, held: np.ndarray) -> dict[str, Any]:
        """What a checkpoint must agree with to be gone on from."""
        return {
            "version": pushforward.__version__,
            "format": CHECKPOINT_FORMAT,
            "method": describe(self),
            "seed": self.seed_,
            "rows": fingerprint_of(train),
            "held_out": hashlib.sha256(held.tobytes()).hexdigest(),
        }

    def _state(self) -> dict[str, Any]:
        return {
            "width": self.encoding_.width,
            "rounds": self.n_rounds_,
            "best_round": self.best_round_,
            "networks": dict(self.game_.state_dict()),
            "history": self.history_,
            "scores": [list(s) for s in self.scores_],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        weights = state["networks"]
        self._check_parameters()
        with seeded(0), NoLargerThan(weights):
            self.game_ = self._game(0, state["width"]).eval()
        check_weights(self.game_, weights)
        # As in training, or the last digits of what is drawn would be others.
        self.game_.to(memory_format=torch.channels_last)
        load_weights(self.game_, weights)
        self.n_rounds_, self.best_round_ = state["rounds"], state["best_round"]
        self.history_ = state["history"]
        self.scores_ = [(int(r), float(s)) for r, s in state["scores"]]


def fingerprint_of(rows: EncodedRows | np.ndarray) -> str:
    """What changes with encoded rows, on disk or in memory."""
    if isinstance(rows, EncodedRows):
        return rows.fingerprint()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def _seeds(rng: np.random.Generator) -> list[int]:
    """Of the weights, the batches, what drawing needs beside the networks, and the scores."""
    return [int(seed) for seed in rng.integers(2**31, size=4)]


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def in_blocks(network: Any, z: torch.Tensor) -> np.ndarray:
    """`network(z)` block by block, in bounded memory, as float64."""
    device = next(network.parameters()).device
    block = IMAGE_BLOCK if convolves(network) else DRAW_BLOCK
    with torch.no_grad():
        parts = [network(part.to(device)).cpu() for part in z.split(block)]
    return torch.cat(parts).double().numpy()


def torch_rng(rng: np.random.Generator) -> torch.Generator:
    """A torch generator on the CPU that continues from a NumPy one."""
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def check_choice(name: str, value: Any, known: Any) -> None:
    """Refuse a named option that is not among the known ones."""
    if value not in known:
        raise InputError(f"expected {name} among {', '.join(map(repr, known))}, got {value!r}")


def check_latent_dim(latent_dim: int | None, default: int, n: int) -> int:
    """The latent dimension to use: the one asked for, or a default that the data can carry."""
    if latent_dim is None:
        return default
    if (
        isinstance(latent_dim, bool)
        or not isinstance(latent_dim, (int, np.integer))
        or (latent_dim < 1)
    ):
        raise InputError(f"expected latent_dim to be a whole number above 0, got {latent_dim!r}")
    if n and latent_dim > n:
        raise InputError(
            f"expected at least as many rows as latent dimensions ({latent_dim}), got {n} rows; "
            "choose a smaller latent_dim or give more rows"
        )
    return int(latent_dim)
