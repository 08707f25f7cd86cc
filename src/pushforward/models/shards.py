"""What of a loss is not a mean over rows, and so is another one on a share of a batch."""

from __future__ import annotations

from torch import nn

from pushforward.models.adversaries import Adversaries
from pushforward.models.history import HistoryBuffer
from pushforward.models.objectives import Fisher
from pushforward.models.pool import Pool
from pushforward.models.unrolled import Unrolled
from pushforward.networks.growing import MinibatchDeviation
from pushforward.training.game import Game
from pushforward.training.loop import Stream

Kind = type[nn.Module] | tuple[type[nn.Module], ...]

OF_SHARES: tuple[tuple[Kind, str], ...] = (
    (
        nn.modules.batchnorm._BatchNorm,
        "batch normalisation divides by the statistics of each process's rows; those that it runs "
        "are averaged",
    ),
    (MinibatchDeviation, "the deviation of groups is that of groups among each process's rows"),
    (Pool, "each process has a pool of its own past rows; a checkpoint holds the first one's"),
    (HistoryBuffer, "each process has a history of its own rows; a checkpoint holds the first's"),
    (Unrolled, "the generator looks ahead along the slope of each process's rows"),
    (Fisher, "(1 − Ω)² is the mean of its values on each process's rows; it weighs ρ/2"),
)


def beyond_means(game: Game, stream: Stream) -> list[str]:
    """Sentences on what several processes compute otherwise than one with whole batches does.

    Without any, all losses are means over rows, and what differs is rounding.
    """
    told = [text for kind, text in OF_SHARES if any(isinstance(m, kind) for m in game.modules())]
    if isinstance(game, Adversaries) and game.schedule.packing > 1:
        rows = len(range(stream.batch_size)[stream.share])
        if rows % game.schedule.packing:
            told.append("rows of each process that are left over after packing are not judged")
        if game.penalty is not None:
            told.append("the penalty on packed rows draws other mixing weights")
    return told
