"""The fused Adam against torch's own, also where gradients lie in another order in memory."""

import pytest
import torch
from torch import nn

from pushforward.training.optimiser import Adam, move_together

FORMATS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("images", FORMATS)
def test_convolutions_move_as_with_the_adam_of_torch(weights, images):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2, 1))
    network.to(memory_format=weights)
    parameters = list(network.parameters())
    theirs = [nn.Parameter(p.detach().clone()) for p in parameters]
    mine, reference = Adam(parameters, 1e-2, (0.5, 0.9)), torch.optim.Adam(theirs, 1e-2, (0.5, 0.9))
    for _ in range(3):
        x = torch.randn(4, 3, 8, 8).contiguous(memory_format=images)
        gradients = torch.autograd.grad((network(x) - x).square().mean(), parameters)
        for p, g in zip(theirs, gradients, strict=True):
            p.grad = g
        mine.step(gradients)
        reference.step()
        torch.testing.assert_close(parameters, theirs, rtol=1e-5, atol=1e-6, check_stride=False)


@pytest.mark.parametrize("clips", [(None, None), (0.5, 0.5), (0.5, 1.0), (0.5, None)])
@pytest.mark.parametrize("rates", [(1e-2, 1e-2), (1e-2, 2e-2)])
def test_stacks_move_as_one_by_one_whatever_the_order_in_memory(rates, clips):
    torch.manual_seed(0)
    values, gradients = torch.randn(2, 2, 5, 3, 4, 4)
    alone, together = (
        [
            Adam([nn.Parameter(v.clone())], rate, clip=clip)
            for v, rate, clip in zip(values, rates, clips, strict=True)
        ]
        for _ in range(2)
    )
    stacks = [values.clone()], [torch.zeros_like(values)], [torch.zeros_like(values)]
    move = move_together(together, *stacks, torch.zeros(2))
    channels_last = gradients.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    move(channels_last)
    for adam, gradient, moved in zip(alone, gradients, stacks[0][0], strict=True):
        adam.step([gradient])
        torch.testing.assert_close(moved, adam.parameters[0].detach())
        if adam.clip is not None:
            assert moved.abs().max() == adam.clip
    assert [adam.clip for adam in together] == list(clips)  # they move alone again when frozen
