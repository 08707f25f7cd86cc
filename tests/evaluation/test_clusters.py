"""Information and cluster accuracy against closed forms and exhaustive search."""

from itertools import permutations

import numpy as np
import pytest

from pushforward.errors import InputError
from pushforward.evaluation.clusters import cluster_accuracy, mutual_information


def test_a_guess_tells_nothing_and_certainty_tells_all():
    codes = np.arange(300) % 3
    assert mutual_information(codes, np.full((300, 3), 1 / 3)).nats == pytest.approx(0, abs=1e-12)
    assert mutual_information(codes, np.eye(3)[codes]).nats == pytest.approx(np.log(3))


def test_a_noisy_channel_tells_its_capacity():
    # c ∈ {0, 1} passes unchanged with probability .9: I = log 2 − H(.9), when Q is the posterior.
    codes = np.repeat([0, 1], 500)
    received = np.concatenate([[0] * 450 + [1] * 50, [1] * 450 + [0] * 50])
    posterior = np.where(np.eye(2)[received] == 1, 0.9, 0.1)
    exact = np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    found = mutual_information(codes, posterior)
    assert found.nats == pytest.approx(exact, rel=1e-12)
    assert found.share == pytest.approx(exact / np.log(2))
    overconfident = np.where(np.eye(2)[received] == 1, 0.999, 0.001)
    assert mutual_information(codes, overconfident).nats < exact - 0.1


def test_unequal_weights_have_their_own_entropy():
    found = mutual_information([0, 0, 0, 1], np.eye(2)[[0, 0, 0, 1]], weights=[0.75, 0.25])
    assert found.nats == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))


@pytest.mark.parametrize(("classes", "clusters"), [(4, 4), (3, 5), (5, 3)])
def test_the_matching_is_the_best_of_all(classes, clusters):
    rng = np.random.default_rng(0)
    y, c = rng.integers(classes, size=60), rng.integers(clusters, size=60)
    most = max(classes, clusters)
    exhaustive = max(np.mean(np.array(m)[c] == y) for m in permutations(range(most), clusters))
    found = cluster_accuracy(y, c)
    assert found.accuracy == pytest.approx(exhaustive)
    assert len(set(found.matched.values())) == len(found.matched) == min(classes, clusters)
    matched = np.array([found.matched.get(k, -1) for k in c])
    assert np.mean(matched == y) == pytest.approx(exhaustive)


def test_names_do_not_matter():
    y = np.repeat(["ash", "beech", "cedar"], 7)
    clusters = np.repeat([2, 0, 1], 7)
    assert cluster_accuracy(y, clusters) == (1.0, {2: "ash", 0: "beech", 1: "cedar"})


@pytest.mark.parametrize(
    ("codes", "probabilities", "words"),
    [
        ([0, 2], np.eye(2), "codes from 0 to 1"),
        ([0, 1, 1], np.eye(2), r"codes \(n,\) and probabilities"),
        ([0, 0.5], np.eye(2), "codes from 0 to 1"),
    ],
)
def test_what_does_not_match_is_told(codes, probabilities, words):
    with pytest.raises(InputError, match=words):
        mutual_information(codes, probabilities)


def test_labels_without_clusters_are_told():
    with pytest.raises(InputError, match="a cluster for each label"):
        cluster_accuracy([0, 1], [0])
    with pytest.raises(InputError, match="weights of shape"):
        mutual_information([0, 1], np.eye(2), weights=[1.0])
