"""The game of two translators that undo each other, against a discriminator of each domain."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from pushforward.models.pool import Pool
from pushforward.models.unpaired import Unpaired
from pushforward.networks.spectral import power_iteration
from pushforward.training.game import Loss, Player, Tensors, Terms


class CycleConsistent(Unpaired):
    """Translators G: A → B and F: B → A, learnt from unpaired rows.

    D: ½ E (D_B(b) − 1)² + ½ E D_B(pool of G(a))², and the same of D_A
    G, F: E (D_B(G(a)) − 1)² + E (D_A(F(b)) − 1)²
          + λ (E ‖F(G(a)) − a‖₁ + E ‖G(F(b)) − b‖₁)                                  (eq. 2)
          + λ λ_idt (E ‖G(b) − b‖₁ + E ‖F(a) − a‖₁)                                (section 5.2)

    with least squares for the logarithms of eq. 1, and norms that are means over entries, as in the
    authors' code; E is over patches too where a discriminator gives each a value, `(n, patches)`.
    Zhu et al. 2017, arXiv:1703.10593.
    """

    def __init__(
        self,
        to_b: nn.Module,
        to_a: nn.Module,
        judge_a: nn.Module,
        judge_b: nn.Module,
        rows_b: Tensor,
        width_a: int,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.0,
        pool_size: int = 50,
    ) -> None:
        super().__init__()
        self.cycle_weight: Tensor
        self.to_b, self.to_a, self.judge_a, self.judge_b = to_b, to_a, judge_a, judge_b
        self.pool_a, self.pool_b = Pool(pool_size, width_a), Pool(pool_size, rows_b.shape[1])
        self.identity_weight = identity_weight
        self.keep(rows_b)
        # A buffer, so that the members of a population may each have their own.
        weight = torch.tensor(float(cycle_weight))
        self.register_buffer("cycle_weight", weight, persistent=False)

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminators", self.judge, owns=(self.judge_a, self.judge_b)),
            Player("translators", self.translate, owns=(self.to_b, self.to_a)),
        )

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        drawn = self.chosen(n, rng)
        for domain, pool in (("a", self.pool_a), ("b", self.pool_b)):
            drawn |= {f"{name}_{domain}": t for name, t in pool.noise(n, rng).items()}
        return drawn

    def judge(self, x: Tensor, noise: Tensors) -> Loss:
        a, b = self.both(x, noise)
        return self.judged(a, b, self.to_a(b), self.to_b(a), noise)

    def translate(self, x: Tensor, noise: Tensors) -> Terms:
        a, b = self.both(x, noise)
        return self.translated(a, b, self.to_a(b), self.to_b(a))

    def joint(self, x: Tensor, noise: Tensors) -> Iterator[tuple[str, Terms | Loss]]:
        a, b = self.both(x, noise)
        fake_a, fake_b = self.to_a(b), self.to_b(a)
        yield "discriminators", self.judged(a, b, fake_a, fake_b, noise)
        yield "translators", self.translated(a, b, fake_a, fake_b)

    def judged(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor, noise: Tensors) -> Loss:
        """The discriminators' loss."""
        shown_a, pool_a = self.pool_a.show(fake_a, noise["coin_a"], noise["place_a"])
        shown_b, pool_b = self.pool_b.show(fake_b, noise["coin_b"], noise["place_b"])
        terms = {
            "real_a": 0.5 * (self.judge_a(a) - 1).square().mean(),
            "fake_a": 0.5 * self.judge_a(shown_a).square().mean(),
            "real_b": 0.5 * (self.judge_b(b) - 1).square().mean(),
            "fake_b": 0.5 * self.judge_b(shown_b).square().mean(),
        }
        pools = {f"pool_a.{name}": t for name, t in pool_a.items()}
        return Loss(terms, pools | {f"pool_b.{name}": t for name, t in pool_b.items()})

    def translated(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Terms:
        """The translators' loss."""
        terms = {
            "fool_a": (self.judge_a(fake_a) - 1).square().mean(),
            "fool_b": (self.judge_b(fake_b) - 1).square().mean(),
            "cycle_a": self.cycle_weight * (self.to_a(fake_b) - a).abs().mean(),
            "cycle_b": self.cycle_weight * (self.to_b(fake_a) - b).abs().mean(),
        }
        if self.identity_weight:
            weight = self.cycle_weight * self.identity_weight
            terms["identity_a"] = weight * (self.to_a(a) - a).abs().mean()
            terms["identity_b"] = weight * (self.to_b(b) - b).abs().mean()
        return terms

    def update(self, player: str, outputs: Tensors) -> Tensors:
        if player != "discriminators":
            return {}
        moved: Tensors = {}
        for name in ("judge_a", "judge_b"):
            turned = power_iteration(getattr(self, name))
            moved |= {f"{name}.{k}": u for k, u in turned.items()}
        return {**outputs, **moved}
