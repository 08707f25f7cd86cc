"""How good generated rows are: pure, deterministic functions of arrays.

`evaluate` computes every score that suits the data, `verdict` says in words what they show.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pushforward.evaluation.bins import BinDifferences, bin_differences
from pushforward.evaluation.c2st import ClassifierTest, classifier_test
from pushforward.evaluation.copies import (
    ClosestRecord,
    CopyShare,
    NearCopies,
    closest_record,
    copy_share,
    near_copies,
)
from pushforward.evaluation.energy import EnergyDistance, energy_distance
from pushforward.evaluation.evaluate import evaluate, ranking_distance
from pushforward.evaluation.extrapolation import Extrapolation, extrapolated_frechet
from pushforward.evaluation.features import (
    FeatureMap,
    PrincipalComponents,
    Standardised,
    feature_map,
    pixels,
    raw,
)
from pushforward.evaluation.frechet import frechet_bias, frechet_distance, split_half_bias
from pushforward.evaluation.kernel import KernelInceptionDistance, MeanDiscrepancy, kid, mmd
from pushforward.evaluation.known_manifold import manifold_scores
from pushforward.evaluation.manifold import PRDC, expected_coverage, prdc
from pushforward.evaluation.marginal_scores import compare_columns
from pushforward.evaluation.membership import Membership, membership
from pushforward.evaluation.modes import ModeScores, ModeSource, mode_scores
from pushforward.evaluation.moments import Moments
from pushforward.evaluation.neighbours import (
    LeaveOneOut,
    NeighbourShare,
    leave_one_out,
    nearest_distance,
    neighbour_gap,
    neighbour_graph,
    neighbour_spread,
)
from pushforward.evaluation.pairwise import associations
from pushforward.evaluation.polygons import triangle_distance
from pushforward.evaluation.scores import Evaluation, Score
from pushforward.evaluation.sliced import SlicedWasserstein, sliced_wasserstein
from pushforward.evaluation.utility import Utility, train_on_fake
from pushforward.evaluation.verdict import Note, Verdict, notes, verdict

# What needs torch, which alone takes seconds: feature maps that are networks, and inversion.
_OF_TORCH = {
    "ClassifierFeatures": "classifier",
    "InceptionFeatures": "extractors",
    "ModuleFeatures": "extractors",
    "nearest_generated": "inversion",
}

if TYPE_CHECKING:
    from pushforward.evaluation.classifier import ClassifierFeatures
    from pushforward.evaluation.extractors import InceptionFeatures, ModuleFeatures
    from pushforward.evaluation.inversion import nearest_generated

__all__ = [
    "PRDC",
    "BinDifferences",
    "ClassifierFeatures",
    "ClassifierTest",
    "ClosestRecord",
    "CopyShare",
    "EnergyDistance",
    "Evaluation",
    "Extrapolation",
    "FeatureMap",
    "InceptionFeatures",
    "KernelInceptionDistance",
    "LeaveOneOut",
    "MeanDiscrepancy",
    "Membership",
    "ModeScores",
    "ModeSource",
    "ModuleFeatures",
    "Moments",
    "NearCopies",
    "NeighbourShare",
    "Note",
    "PrincipalComponents",
    "Score",
    "SlicedWasserstein",
    "Standardised",
    "Utility",
    "Verdict",
    "associations",
    "bin_differences",
    "classifier_test",
    "closest_record",
    "compare_columns",
    "copy_share",
    "energy_distance",
    "evaluate",
    "expected_coverage",
    "extrapolated_frechet",
    "feature_map",
    "frechet_bias",
    "frechet_distance",
    "kid",
    "leave_one_out",
    "manifold_scores",
    "membership",
    "mmd",
    "mode_scores",
    "near_copies",
    "nearest_distance",
    "nearest_generated",
    "neighbour_gap",
    "neighbour_graph",
    "neighbour_spread",
    "notes",
    "pixels",
    "prdc",
    "ranking_distance",
    "raw",
    "sliced_wasserstein",
    "split_half_bias",
    "train_on_fake",
    "triangle_distance",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name in _OF_TORCH:
        return getattr(importlib.import_module(f"pushforward.evaluation.{_OF_TORCH[name]}"), name)
    raise AttributeError(f"module 'pushforward.evaluation' has no attribute {name!r}")
