"""A generator that looks ahead of the discriminator's next steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from pushforward.models.adversaries import Adversaries, values_of
from pushforward.models.slopes import values_and_slopes
from pushforward.training.game import Tensors, Terms, as_loss
from pushforward.training.optimiser import Adam, adam_step


class Unrolled(Adversaries):
    """The generator minimises f(θ_G, θ_D^K(θ_G, θ_D)), with gradient through the K steps.

    θ_D^{k+1} = θ_D^k + η · Adam(∂f/∂θ_D^k), from where the discriminator and its optimiser are, on
    one batch; f is the negative of the discriminator's loss. The discriminator itself takes
    ordinary steps. Metz et al. 2017, arXiv:1611.02163, eqs. 7 to 10.
    """

    def __init__(self, *arguments: Any, steps: int) -> None:
        super().__init__(*arguments)
        self.unroll = steps

    def watch(self, optimisers: Mapping[str, Adam]) -> None:
        """See the discriminator's moments, which its moves change."""
        adam = optimisers["discriminator"]
        held = {"rate": adam.rate, "betas": torch.tensor(adam.betas)}
        held |= {"steps": adam.steps}
        for i, (first, second) in enumerate(zip(adam.first, adam.second, strict=True)):
            held |= {f"first_{i}": first, f"second_{i}": second}
        for name, tensor in held.items():
            self.register_buffer(f"adam_{name}", tensor.to(adam.steps.device), persistent=False)

    def fool(self, x: Tensor, fake: Tensor, noise: Tensors) -> Terms:
        critic = partial(functional_call, self.discriminator, self.look_ahead(x, fake, noise))
        values = values_of(critic, self.pack(x), self.pack(fake))
        terms = as_loss(self.objective.discriminator(*values)).terms
        return {name: -value for name, value in terms.items()}

    def look_ahead(self, x: Tensor, fake: Tensor, noise: Tensors) -> Tensors:
        """The discriminator's parameters after K more steps against these rows."""
        shapes = {name: p.shape for name, p in self.discriminator.named_parameters()}
        sizes = [shape.numel() for shape in shapes.values()]

        def named(weights: Tensor) -> Tensors:
            parts = zip(shapes.items(), weights.split(sizes), strict=True)
            return {name: part.view(shape) for (name, shape), part in parts}

        def loss(weights: Tensor) -> Tensor:
            critic = partial(functional_call, self.discriminator, named(weights))
            first, *rest = self.judge(critic, x, fake, noise).terms.values()
            return sum(rest, first)

        # As one vector each, so that a step of Adam is a few operations.
        held = dict(self.named_buffers())
        weights = _vector(self.discriminator.parameters())
        first = _vector(held[f"adam_first_{i}"] for i in range(len(shapes)))
        second = _vector(held[f"adam_second_{i}"] for i in range(len(shapes)))
        for k in range(1, self.unroll + 1):
            _, (slope,) = values_and_slopes(loss, weights)
            (weights,), (first,), (second,) = adam_step(
                [weights],
                [slope],
                [first],
                [second],
                held["adam_steps"] + k,
                held["adam_rate"],
                held["adam_betas"],
            )
        return named(weights)


def _vector(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])
