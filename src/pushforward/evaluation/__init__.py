"""How good generated rows are: pure, deterministic functions of arrays.

`evaluate` computes every score that suits the data, `verdict` says in words what they show.
"""

from pushforward.evaluation.copies import CopyShare, copy_share
from pushforward.evaluation.evaluate import evaluate, ranking_distance
from pushforward.evaluation.features import FeatureMap, Standardised, pixels
from pushforward.evaluation.frechet import frechet_bias, frechet_distance, split_half_bias
from pushforward.evaluation.manifold import PrecisionRecall, precision_recall
from pushforward.evaluation.modes import ModeScores, ModeSource, mode_scores
from pushforward.evaluation.neighbours import (
    LeaveOneOut,
    NeighbourShare,
    leave_one_out,
    nearest_distance,
    neighbour_gap,
    neighbour_graph,
    neighbour_spread,
)
from pushforward.evaluation.scores import Evaluation, Score
from pushforward.evaluation.verdict import Verdict, verdict

__all__ = [
    "CopyShare",
    "Evaluation",
    "FeatureMap",
    "LeaveOneOut",
    "ModeScores",
    "ModeSource",
    "NeighbourShare",
    "PrecisionRecall",
    "Score",
    "Standardised",
    "Verdict",
    "copy_share",
    "evaluate",
    "frechet_bias",
    "frechet_distance",
    "leave_one_out",
    "mode_scores",
    "nearest_distance",
    "neighbour_gap",
    "neighbour_graph",
    "neighbour_spread",
    "pixels",
    "precision_recall",
    "ranking_distance",
    "split_half_bias",
    "verdict",
]
