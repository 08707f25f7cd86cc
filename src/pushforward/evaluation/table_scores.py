"""The scores that only tables have: their columns, pairs of columns, use, and what they betray."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from pushforward.evaluation.features import Standardised
from pushforward.evaluation.inputs import pooled
from pushforward.evaluation.intervals import wilson_interval
from pushforward.evaluation.marginal_scores import Marginal, marginals
from pushforward.evaluation.membership import Membership, membership
from pushforward.evaluation.mixed import judged_columns
from pushforward.evaluation.pairwise import Associations, pairwise
from pushforward.evaluation.scores import Score
from pushforward.evaluation.utility import Utility, predicted

FEWEST_CANDIDATES = 10  # of each kind, or an attack shows nothing


class TableScores(NamedTuple):
    """What is found of a table: each column, each pair, and what was learnt from it."""

    marginals: list[Marginal]
    associations: Associations | None
    utility: Utility | None
    membership: Membership | None
    sizes: dict[str, int]

    def scores(self) -> list[Score]:
        """The numbers that sum it up."""
        found = [*_columns(self.marginals, self.sizes)]
        if self.associations is not None:
            found.append(_pairs(self.associations, self.sizes))
        if self.utility is not None:
            found.append(_use(self.utility))
        if self.membership is not None:
            found.extend(_members(self.membership, self.sizes))
        return found


def table_scores(
    real: pd.DataFrame,
    fake: pd.DataFrame,
    train: pd.DataFrame | None = None,
    *,
    target: str | None = None,
    released: pd.DataFrame | None = None,
) -> TableScores:
    """Judge a table by its columns, its pairs of columns, its use, and what it betrays.

    Use and betrayal need the rows of `train`, and are of `released`, generated rows as many as
    would be handed out, `fake` where there are none. Text and identifiers are left out.

    Raises:
        InputError: `target` is no column that can be predicted.
    """
    columns = judged_columns(real if train is None else train, real)
    sizes = {"real": len(real), "fake": len(fake)}
    found = TableScores(
        marginals(real, fake, columns), pairwise(real, fake, columns, train), None, None, sizes
    )
    if train is None or not columns:
        return found
    released = fake if released is None else released
    attack = None
    names = [column.name for column in columns]
    # By the training rows alone they would be told from others by the scale.
    both = pooled(train[names], real[names])
    if min(len(train), len(real)) >= FEWEST_CANDIDATES and _varies(both):
        features = Standardised(both, every_column=True)
        attack = membership(*(features(X[names]) for X in (released, train, real)))
    return found._replace(
        utility=predicted(released, train, real, columns, target),
        membership=attack,
        sizes=sizes | {"released": len(released)},
    )


def _varies(frame: pd.DataFrame) -> bool:
    return any(frame[name].nunique(dropna=False) > 1 for name in frame)


def _columns(found: list[Marginal], sizes: dict[str, int]) -> list[Score]:
    if not found:
        return []
    sizes = {name: sizes[name] for name in ("real", "fake")}
    judged = {each.column for each in found}
    differ = {each.column for each in found if each.differs}
    return [
        Score(
            "columns",
            float(np.mean([each.distance for each in found])),
            "lower",
            p_value=min(each.p_adjusted for each in found),
            expected_bias=float(np.mean([each.expected for each in found])),
            sizes=sizes,
            meaning="mean distance of the columns' distributions: Kolmogorov-Smirnov for numbers, "
            "total variation for categories and missing values; p allows for their number",
        ),
        Score(
            "columns_different",
            float(len(differ)),
            "lower",
            target=0.0,
            expected_bias=0.0,
            sizes=sizes,
            meaning=f"columns of {len(judged)} that surely differ from real ones",
        ),
    ]


def _pairs(found: Associations, sizes: dict[str, int]) -> Score:
    first = f", of the first {len(found.columns)} columns" if found.left_out else ""
    return Score(
        "associations",
        found.value,
        "lower",
        expected_bias=found.expected,
        sizes={name: sizes[name] for name in ("real", "fake")},
        meaning="mean difference of the associations of all pairs of columns: rank correlation, "
        f"Cramér's V, correlation ratio{first}",
    )


def _use(found: Utility) -> Score:
    return Score(
        "utility",
        found.fake,
        "higher",
        target=found.real,
        interval=(found.real + found.interval[0], found.real + found.interval[1]),
        expected_bias=found.real,
        sizes={"learnt": found.learnt, "tested": found.tested},
        meaning=f"{found.measure} on real rows of a model that learnt {str(found.target)!r} from "
        "generated ones; to compare with, of one that learnt from as many real rows",
    )


def _members(found: Membership, sizes: dict[str, int]) -> list[Score]:
    sizes = {"fake": sizes["released"], "candidate": 2 * found.candidates}
    return [
        Score(
            "membership",
            found.auc,
            "near",
            target=0.5,
            interval=found.interval,
            p_value=found.p_value,
            expected_bias=0.5,
            sizes=sizes,
            features="standardised",
            meaning="how often an attack that sees generated rows holds a training row, not an "
            "unseen one, for trained on (AUC): 0.5 is guessing, 1 tells all; p is one-sided",
        ),
        Score(
            "members_found",
            found.found,
            "lower",
            target=found.by_chance,
            interval=wilson_interval(found.found, found.candidates),
            expected_bias=found.by_chance,
            sizes=sizes,
            features="standardised",
            meaning="share of training rows that this attack names while it wrongly names "
            f"{found.wrongly:.1%} of unseen ones",
        ),
    ]
