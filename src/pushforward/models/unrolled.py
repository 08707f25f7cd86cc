"""A generator that looks ahead of the discriminator's next steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad

from pushforward.models.adversaries import Adversaries
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
        held = {"rate": torch.tensor(adam.learning_rate), "betas": torch.tensor(adam.betas)}
        held |= {"steps": adam.steps}
        for i, (first, second) in enumerate(zip(adam.first, adam.second, strict=True)):
            held |= {f"first_{i}": first, f"second_{i}": second}
        for name, tensor in held.items():
            self.register_buffer(f"adam_{name}", tensor.to(adam.steps.device), persistent=False)

    def joint(self, x: Tensor, noise: Tensors) -> None:  # type: ignore[override]  # noqa: ARG002
        return None

    def generate(self, x: Tensor, noise: Tensors) -> Terms:
        fake = self.generator(noise["z"])
        critic = partial(functional_call, self.discriminator, self.look_ahead(x, fake, noise))
        values = (critic(self.pack(rows)) for rows in (x, fake))
        terms = self.objective.discriminator(*values)
        return {name: -value for name, value in as_loss(terms).terms.items()}

    def look_ahead(self, x: Tensor, fake: Tensor, noise: Tensors) -> Tensors:
        """The discriminator's parameters after K more steps against these rows."""

        def loss(parameters: Tensors) -> Tensor:
            critic = partial(functional_call, self.discriminator, parameters)
            first, *rest = self.judge(critic, x, fake, noise).terms.values()
            return sum(rest, first)

        parameters: Tensors = dict(self.discriminator.named_parameters())
        names = list(parameters)
        held = dict(self.named_buffers())
        first = [held[f"adam_first_{i}"] for i in range(len(names))]
        second = [held[f"adam_second_{i}"] for i in range(len(names))]
        for k in range(1, self.unroll + 1):
            gradients = grad(loss)(parameters)
            moved, first, second = adam_step(
                list(parameters.values()),
                [gradients[name] for name in names],
                first,
                second,
                held["adam_steps"] + k,
                held["adam_rate"],
                held["adam_betas"],
            )
            parameters = dict(zip(names, moved, strict=True))
        return parameters
