"""Pictures of chains show the numbers of the chains."""

import numpy as np
import pytest
from PIL import Image

from pushforward.classical.chains import autocorrelation, diagnose
from pushforward.classical.metropolis_hastings import MetropolisHastings
from pushforward.errors import InputError
from pushforward.report.traces import draw_traces, traces


def test_each_panel_shows_its_numbers():
    draws = np.random.default_rng(0).normal(size=(3000, 6, 2)).cumsum(0) * [0.01, 1.0]
    found = diagnose(draws, ["a", "b"])
    left, middle, right = traces(draws, ["a", "b"]).axes[3:]
    assert left.get_title(loc="left") == "b: 4 of 6 chains"
    assert middle.get_title(loc="left") == f"ranks, R̂ {found.r_hat[1]:.3f}"
    assert right.get_title(loc="left").startswith(f"ESS bulk {found.ess_bulk[1]:.0f}, tail")
    for line, chain in zip(left.lines, draws[:, :4, 1].T, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), chain[line.get_xdata()])
        assert line.get_xdata()[[0, -1]].tolist() == [0, 2999]
    shown = right.lines[1].get_ydata()
    np.testing.assert_array_equal(shown, autocorrelation(draws[:, :, 1])[: len(shown)])


def test_ranks_are_flat_where_chains_agree_and_not_where_they_do_not():
    x = np.random.default_rng(0).normal(size=(4000, 4, 1))
    for shift, largest in ((0.0, 1.35), (3.0, 2.0)):
        middle = traces(x + np.array([0, 0, 0, shift])[:, None]).axes[1]
        heights = np.array([patch.get_data().values for patch in middle.patches[1:]])
        np.testing.assert_allclose(heights.mean(1), 1.0)
        assert (heights.max() > largest) == bool(shift)


@pytest.mark.filterwarnings("ignore:the chains (have not|disagree)")
def test_a_png_is_written_of_the_coordinates_asked_for(tmp_path):
    sampler = MetropolisHastings(
        lambda x: -0.5 * (x**2).sum(1), n_features=10, n_chains=8, n_draws=400, random_state=0
    ).fit()
    tall = Image.open(draw_traces(sampler, tmp_path / "new" / "all.png")).size
    small = Image.open(draw_traces(sampler, tmp_path / "some.png", [9])).size
    assert tall[0] == small[0]
    assert tall[1] > 5 * small[1]
    with pytest.raises(InputError, match=r"coordinates from 0 to 9, got \[10\]"):
        draw_traces(sampler, tmp_path / "none.png", [10])


def test_one_chain_that_never_moves_has_a_picture():
    assert len(traces(np.ones((50, 1, 1))).axes) == 3
