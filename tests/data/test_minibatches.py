"""Minibatches: every row once per epoch, and a cursor that can be put back."""

import torch

from pushforward.data.minibatches import Minibatches


def test_every_row_once_per_epoch():
    batches = Minibatches(10, 4, torch.Generator().manual_seed(0))
    drawn = batches.take(5).flatten()  # two epochs, the third batch straddling them
    assert sorted(drawn[:10].tolist()) == sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_a_batch_is_never_larger_than_the_data():
    assert Minibatches(3, 128, torch.Generator()).take(2).shape == (2, 3)


def test_the_cursor_can_be_put_back():
    rng = torch.Generator().manual_seed(1)
    batches = Minibatches(7, 3, rng)
    batches.take(4)
    state, before = batches.state_dict(), rng.get_state()
    expected = batches.take(6)
    other_rng = torch.Generator().manual_seed(99)
    other = Minibatches(7, 3, other_rng)
    other.load_state_dict(state)
    other_rng.set_state(before)
    assert torch.equal(other.take(6), expected)
