"""What all classical samplers have in common, and the control among them."""

import numpy as np
import pytest

import pushforward as pf
from pushforward.errors import InputError
from pushforward.evaluation.verdict import verdict


def test_a_table_with_categories_has_no_density():
    frame = pf.load_data("wine").X
    with pytest.raises(InputError, match="has no density"):
        pf.Gaussian().fit(frame).score_samples(frame)


@pytest.mark.parametrize("replace", [True, False])
def test_the_copycat_is_caught(replace):
    parts = pf.split(pf.load_data("digits"), seed=0)
    copycat = pf.Copycat(replace=replace).fit(parts.train)
    fake = copycat.sample(400, random_state=0)
    assert (len(np.unique(fake, axis=0)) == 400) != replace
    scores = pf.evaluate(parts.test, fake, train=parts.train)
    assert scores["copies"].value == 1.0
    assert scores["copies"].target < 0.02
    assert verdict(scores).name == "COPYING"
