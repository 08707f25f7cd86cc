"""What a trial's table is judged by beside its rows: columns, pairs, use, and what it betrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pushforward.data.dataset import Dataset
from pushforward.data.split import Split
from pushforward.evaluation.marginal_scores import Marginal
from pushforward.evaluation.pairwise import Associations
from pushforward.evaluation.scores import Evaluation
from pushforward.evaluation.table_scores import table_scores
from pushforward.evaluation.utility import Utility, train_on_fake
from pushforward.models.conditional import ConditionalSampler
from pushforward.sampler import Sampler
from pushforward.study.plan import Trial, derived

# A table that is handed out betrays the more, the more rows it has: of five for each training row
# a copier leaves out hardly one.
ROWS_FOR_EACH, MOST_RELEASED = 5, 10_000
DIGITS = 3  # of what the report draws


def judge_table(
    row: dict[str, Any],
    trial: Trial,
    dataset: Dataset,
    parts: Split,
    rows: tuple[pd.DataFrame, pd.DataFrame],
    sampler: Sampler | None,
) -> None:
    """Add the scores of a table to a trial's row, and what the report draws of it.

    Columns and pairs are those of `rows`, the test's and the sample's. What can be learnt from a
    model's rows shows a larger sample, as large as a table that is handed out.
    """
    (test, fake), train, released = rows, None, None
    if sampler is not None:
        n = min(ROWS_FOR_EACH * len(parts.train), MOST_RELEASED)
        seed = derived(trial.seed, trial.repeat, f"{trial.method} released")
        train, released = parts.train, dataset.as_rows(sampler.sample(n, random_state=seed))
    found = table_scores(test, fake, train, target=trial.target, released=released)
    if isinstance(sampler, ConditionalSampler) and trial.target is None:
        use = _of_label(released, dataset, parts, len(test), sampler)
        found = found if use is None else found._replace(utility=use)
    row["scores"] |= Evaluation(found.scores()).to_dict()
    row["table"] = {"columns": [_told(each) for each in found.marginals]}
    if found.utility is not None:
        row["table"] |= {"target": str(found.utility.target), "measure": found.utility.measure}
    if found.membership is not None:
        row["table"]["wrongly"] = found.membership.wrongly
    if found.associations is not None and trial.repeat == 0:
        row["table"]["associations"] = _drawn(found.associations)


def _of_label(
    released: Any, dataset: Dataset, parts: Split, n_test: int, sampler: ConditionalSampler
) -> Utility | None:
    """The use for predicting the label, of a method that draws by it."""
    label, drawn = dataset.label, sampler.sample_given_
    if label is None or parts.y_train is None or isinstance(drawn, pd.DataFrame):
        return None  # several columns, or none that has a name

    def labelled(X: pd.DataFrame, y: Any) -> pd.DataFrame:
        column = pd.Series(np.asarray(y)[: len(X)], index=X.index)
        return X.assign(**{label: column if sampler.conditions_.continuous else column.astype(str)})

    return train_on_fake(
        labelled(released, drawn),
        labelled(parts.train, parts.y_train),
        labelled(parts.test[:n_test], parts.y_test),
        label,
    )


def _told(found: Marginal) -> list[Any]:
    numbers = (found.distance, found.expected, found.p_adjusted)
    return [str(found.column), found.of, found.kind, *(float(f"{x:.4g}") for x in numbers)]


def _drawn(found: Associations) -> dict[str, Any]:
    """The columns' names and the associations above the diagonal, row after row."""
    above = np.triu_indices(len(found.columns), 1)
    return {
        "names": [str(column.name) for column in found.columns],
        "left_out": found.left_out,
        "real": _rounded(found.real[above]),
        "fake": _rounded(found.fake[above]),
    }


def _rounded(values: Any) -> list[float]:
    return [round(float(value), DIGITS) for value in values]
