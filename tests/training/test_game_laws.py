"""Laws of every game: who moves what, and that separate, joint and repeated plays agree."""

import pytest
import torch

from games import KINDS, VARIANTS, same, start, weights
from pushforward.training.game import as_loss
from pushforward.training.loop import play


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_a_move_leaves_what_the_player_does_not_own(name, options):
    training = start(name, options)
    x, noise = next(training.stream)
    for player in training.players:
        before = weights(training)
        training.move(player.name, *training.differentiate(player.name, player.loss(x, noise)))
        owned = training.game.owned(player)
        for key, value in training.game.named_parameters():
            if value.numel() > 1:  # a critic's shift may be nothing to its loss
                assert torch.equal(value, before[key]) == (key not in owned), key


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_every_parameter_is_owned_once_and_receives_a_gradient(name, options):
    training = start(name, options)
    x, noise = next(training.stream)
    owned = [key for player in training.players for key in training.game.owned(player)]
    assert sorted(owned) == sorted(dict(training.game.named_parameters()))
    for player in training.players:
        terms = as_loss(player.loss(x, noise)).terms
        gradients = torch.autograd.grad(sum(terms.values()), training.owned[player.name])
        assert all(g.abs().sum() > 0 for g in gradients if g.numel() > 1)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_losses_are_pure_functions_of_batch_and_noise(name, options):
    training = start(name, options)
    x, noise = next(training.stream)
    for player in training.players:
        first, again = (as_loss(player.loss(x, noise)).terms for _ in range(2))
        assert all(torch.equal(first[term], again[term]) for term in first)


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_joint_forward_agrees_with_the_separate_losses(name, options):
    training = start(name, options)
    if training.game.joint(*next(training.stream)) is None:
        pytest.skip("this game shares nothing")
    for _ in range(3):
        x, noise = next(training.stream)
        for player, loss in training.game.joint(x, noise):
            (separate,) = (p.loss for p in training.players if p.name == player)
            joint, apart = as_loss(loss), as_loss(separate(x, noise))
            terms, expected = joint.terms, apart.terms
            assert list(terms) == list(expected)
            torch.testing.assert_close(joint.outputs, apart.outputs, rtol=1e-5, atol=1e-6)
            owned = training.owned[player]
            gradients = torch.autograd.grad(sum(terms.values()), owned, retain_graph=True)
            separately = torch.autograd.grad(sum(expected.values()), owned)
            torch.testing.assert_close(gradients, separately, rtol=1e-4, atol=1e-6)
            for term in terms:
                torch.testing.assert_close(terms[term], expected[term], rtol=1e-5, atol=1e-6)
            training.move(player, *training.differentiate(player, loss))


@pytest.mark.parametrize(
    ("name", "options"),
    [pytest.param(*v, marks=[pytest.mark.slow] * (v not in KINDS)) for v in VARIANTS],
)
def test_same_seed_same_state(name, options):
    states = []
    for _ in range(2):
        training = start(name, options)
        for played in play(training):
            if played.number == 40:
                break
        states.append(weights(training))
    assert same(*states)


@pytest.mark.parametrize(
    ("name", "options", "stop_at"),
    # Around the edge of a block of noise, and within one where games differ in arithmetic only.
    [
        pytest.param(*v, stop_at, marks=[pytest.mark.slow] * (stop_at < 32))
        for v in VARIANTS
        for stop_at in ((1, 31, 32, 33) if v in KINDS else (33,))
    ],
)
def test_stop_and_resume_equals_going_on(name, options, stop_at):
    whole = start(name, options)
    for played in play(whole):
        if played.number == stop_at:
            saved = {"state": whole.state_dict()}
            kept = {k: v.clone() for k, v in saved["state"]["game"].items()}
            other = start(name, options, seed=0)
            for _, _ in zip(range(5), play(other), strict=False):
                pass  # leave it somewhere else
            other.load_state_dict(saved["state"] | {"game": kept})
        if played.number == 36:
            break
    for played in play(other):
        if played.number == 36:
            break
    assert same(weights(whole), weights(other))


def test_more_turns_are_played_on_fresh_batches():
    training = start("gan")
    first, second = training.players
    moves = []
    original = training.move
    training.players = (type(first)(first.name, first.loss, first.owns, turns=3), second)
    training.move = lambda player, *rest: moves.append(player) or original(player, *rest)
    next(play(training))
    assert moves == ["discriminator"] * 3 + ["generator"]
    assert training.stream.used == 3  # two turns of their own, and the last shared by both
