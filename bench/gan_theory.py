"""The theory of adversarial training, checked by numbers on games that are small enough.

    python bench/gan_theory.py --out docs/gan-theory.png

Known densities on the line, the library's own losses, penalties, networks and optimiser. Prints the
tables that docs/gan-theory.md quotes and draws the figure there. Takes less than a minute.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import cos, log, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from scipy.stats import norm, wasserstein_distance
from torch import Tensor, nn

from pushforward.models.objectives import OBJECTIVES
from pushforward.models.penalties import PENALTIES
from pushforward.networks.mlp import mlp
from pushforward.report.style import GENERATED, INK, MUTED, REAL, WARNING, new_figure, png, styled
from pushforward.training.game import as_loss
from pushforward.training.optimiser import Adam

GREEN = "#3d7a35"
GRID = np.linspace(-9, 14, 23_001)  # wide enough for every law here: outside is less than 1e-15
STEP, MOVES = 0.1, 500  # of the Dirac-GAN
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Normals:
    """A mixture of normals on the line: everything about it is known."""

    means: tuple[float, ...]
    widths: tuple[float, ...]
    weights: tuple[float, ...] = (1.0,)

    def pdf(self, x: np.ndarray) -> np.ndarray:
        return np.exp(self.log_pdf(x))

    def log_pdf(self, x: np.ndarray) -> np.ndarray:
        each = [norm.logpdf(x, m, s) + log(w) for m, s, w in self._parts()]
        return np.logaddexp.reduce(each, axis=0)

    def cdf(self, x: np.ndarray) -> np.ndarray:
        return np.sum([w * norm.cdf(x, m, s) for m, s, w in self._parts()], axis=0)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        part = rng.choice(len(self.weights), n, p=self.weights)
        return rng.normal(np.take(self.means, part), np.take(self.widths, part))

    def _parts(self) -> zip:
        return zip(self.means, self.widths, self.weights, strict=True)


TWO_MODES = Normals((-2.0, 2.0), (0.7, 0.7), (0.4, 0.6))  # p_X of sections 1, 3 and 5
ONE_MODE = Normals((0.3,), (1.0,))  # p_g there
STANDARD = Normals((0.0,), (1.0,))  # p_X of section 2; p_g is shifted


def integral(values: np.ndarray) -> float:
    return float(np.trapezoid(values, GRID))


def total(loss: Any) -> Tensor:
    """The sum of a loss's terms: what the player minimises."""
    return sum(as_loss(loss).terms.values(), torch.zeros(()))


def column(x: np.ndarray) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float32)[:, None]


def trained(
    objective: str,
    real: Normals,
    fake: Normals,
    *,
    steps: int,
    batch: int = 512,
    rate: float = 5e-3,
    penalty: str | None = None,
    clip: float | None = None,
    seed: int = 0,
) -> nn.Module:
    """A discriminator at its best against a generator that does not move: fresh rows every step."""
    torch.manual_seed(seed)
    rng, noise_rng = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    critic, players = mlp(1, [64, 64], 1, activation=nn.SiLU), OBJECTIVES[objective]()
    weights = list(critic.parameters())
    adam = Adam(weights, rate, betas=(0.9, 0.99))
    for t in range(steps):
        x, generated = column(real.draw(batch, rng)), column(fake.draw(batch, rng))
        values = critic(torch.cat([x, generated]))
        loss = total(players.discriminator(values[:batch], values[batch:]))
        if penalty is not None:
            rule = PENALTIES[penalty]
            noise = rule.noise(batch, (1,), noise_rng)
            loss = loss + rule.weight * rule(critic, x, generated, noise)
        adam.learning_rate = rate * (1 + cos(pi * t / steps)) / 2
        adam.step(torch.autograd.grad(loss, weights))
        if clip is not None:
            with torch.no_grad():
                for weight in weights:
                    weight.clamp_(-clip, clip)
    return critic


@torch.no_grad()
def on_grid(critic: nn.Module) -> np.ndarray:
    """ℓ on GRID."""
    return critic(column(GRID))[:, 0].double().numpy()


def sigmoid(logit: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logit))


def value(logit: np.ndarray, real: Normals, fake: Normals) -> float:
    """J = E log D(x) + E log(1 − D(x̂)), by quadrature."""
    p, q = real.pdf(GRID), fake.pdf(GRID)
    return integral(-p * np.logaddexp(0, -logit) - q * np.logaddexp(0, logit))


def jensen_shannon(real: Normals, fake: Normals) -> float:
    p, q = real.log_pdf(GRID), fake.log_pdf(GRID)
    middle = np.logaddexp(p, q) - log(2)
    return integral(np.exp(p) * (p - middle) + np.exp(q) * (q - middle)) / 2


def loss_value(objective: str, critic: Callable, x: np.ndarray, generated: np.ndarray) -> float:
    """−1 × the library's loss of the discriminator on rows: what it maximises."""
    real, fake = (torch.as_tensor(critic(rows))[:, None] for rows in (x, generated))
    return -total(OBJECTIVES[objective]().discriminator(real, fake)).item()


# 1. The best discriminator


def optimal_discriminator() -> dict[str, Any]:
    logit = on_grid(trained("minimax", TWO_MODES, ONE_MODE, steps=3000, batch=1024))
    p, q = TWO_MODES.pdf(GRID), ONE_MODE.pdf(GRID)
    best = p / (p + q)
    error, inside = np.abs(sigmoid(logit) - best), (p + q) / 2 > 0.01
    mean = integral((p + q) / 2 * error)
    rows = [
        {
            "|D − D*|": f"where (p_X + p_g)/2 > .01: {GRID[inside].min():.1f} to "
            f"{GRID[inside].max():.1f}",
            "theory": "0",
            "mean": f"{error[inside].mean():.4f}",
            "largest": f"{error[inside].max():.4f}",
        },
        {
            "|D − D*|": "all rows, real and generated",
            "theory": "0",
            "mean": f"{mean:.4f}",
            "largest": "",
        },
    ]
    return {"rows": rows, "logit": logit, "best": best, "inside": inside}


# 2. The value of the game


def game_value(n: int = 1_000_000) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    rows: Rows = []
    curve = np.linspace(0, 5, 51)
    found: dict[str, Any] = {
        "shift": (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
        "curve": (curve, [-log(4) + 2 * jensen_shannon(STANDARD, shifted(s)) for s in curve]),
        "trained": [],
    }
    for shift in found["shift"]:
        fake = shifted(shift)
        logit = on_grid(trained("minimax", STANDARD, fake, steps=800, rate=1e-2, seed=2))
        x, generated = STANDARD.draw(n, rng), fake.draw(n, rng)
        parts = [
            loss_value("minimax", lambda x, s=shift: s * (s / 2 - x), *part)
            for part in zip(np.split(x, 20), np.split(generated, 20), strict=True)
        ]
        error = np.std(parts, ddof=1) / sqrt(len(parts))
        reached = value(logit, STANDARD, fake)
        found["trained"].append(reached)
        inside = (STANDARD.pdf(GRID) + fake.pdf(GRID)) / 2 > 0.01
        mean_d = sigmoid(logit)[inside]
        rows.append(
            {
                "shift": f"{shift:g}",
                "−log 4 + 2 JSD": f"{-log(4) + 2 * jensen_shannon(STANDARD, fake):.4f}",
                "J(G, D*), 10⁶ rows": f"{np.mean(parts):.4f} ± {error:.4f}",
                "J(G, D), D trained": f"{reached:.4f}",
                "D trained lies in": f"{mean_d.min():.3f} to {mean_d.max():.3f}",
            }
        )
    return found | {"rows": rows}


def shifted(shift: float) -> Normals:
    return Normals((shift,), (1.0,))


# 3. What reaches the generator


def generator_slope(objective: str, logit: np.ndarray) -> np.ndarray:
    """|∂/∂ℓ| of the generator's loss of one row with that logit, by autograd of the library's."""
    values = torch.as_tensor(logit)[:, None].requires_grad_()
    loss = total(OBJECTIVES[objective]().generator(None, values)) * len(logit)
    return torch.autograd.grad(loss, values)[0].abs()[:, 0].numpy()


def saturation(one: dict[str, Any]) -> dict[str, Any]:
    D = np.linspace(0.001, 0.999, 999)
    theory = {"minimax": lambda D: D, "non-saturating": lambda D: 1 - D}
    found: dict[str, Any] = {"D": D, "slopes": {}, "arrives": {}}
    q = ONE_MODE.pdf(GRID)
    gap = np.abs(GRID) < 1  # between the modes of p_X
    inner_best, inner = (
        np.abs(np.gradient(logit, GRID))
        for logit in (TWO_MODES.log_pdf(GRID) - ONE_MODE.log_pdf(GRID), one["logit"])
    )
    rows: Rows = []
    for name, slope in theory.items():
        measured = generator_slope(name, np.log(D / (1 - D)))
        found["slopes"][name] = measured
        best = slope(one["best"]) * inner_best
        mine = generator_slope(name, one["logit"]) * inner
        found["arrives"][name] = (mine, best)
        for where, inside in (("all generated rows", gap | True), ("−1 < x̂ < 1", gap)):
            weight = q * inside / integral(q * inside)
            rows.append(
                {
                    "generator's loss": name,
                    "at": where,
                    "|∂/∂x̂|, D*": f"{integral(weight * best):.3f}",
                    "|∂/∂x̂|, D trained": f"{integral(weight * mine):.3f}",
                }
            )
        found[f"error {name}"] = np.abs(measured - slope(D)).max()
    return found | {"rows": rows}


# 4. The Dirac-GAN: real rows are 0, G(z) = θ, ℓ(x) = ψx + bias


@dataclass(frozen=True)
class Dirac:
    """A game of two numbers, moved by the library's losses."""

    objective: str
    alternating: bool = False  # the discriminator first, as the library plays
    penalties: dict[str, float] = field(default_factory=dict)  # name → weight
    clip: float | None = None
    bias: float = 0.0

    def discriminator_loss(self, theta: Tensor, psi: Tensor) -> Tensor:
        def critic(x: Tensor) -> Tensor:
            return psi * x + self.bias

        x, fake = torch.zeros_like(theta).view(1, 1), theta.view(1, 1)
        loss = total(OBJECTIVES[self.objective]().discriminator(critic(x), critic(fake)))
        for name, weight in self.penalties.items():
            noise = {"mix": torch.full((1, 1), 0.5)}
            loss = loss + weight * PENALTIES[name](critic, x, fake, noise)
        return loss

    def generator_loss(self, theta: Tensor, psi: Tensor) -> Tensor:
        real, fake = (psi * x.view(1, 1) + self.bias for x in (torch.zeros_like(theta), theta))
        return total(OBJECTIVES[self.objective]().generator(real, fake))

    def slopes(self, theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        """∂L_G/∂θ and ∂L_D/∂ψ, each with the other player held where it is."""
        theta, psi = theta.clone(), psi.clone()  # ψ may have been computed from θ
        (up,) = torch.autograd.grad(self.generator_loss(theta, psi), theta, create_graph=True)
        (down,) = torch.autograd.grad(self.discriminator_loss(theta, psi), psi, create_graph=True)
        return up, down

    def flow(self, state: Tensor) -> Tensor:
        """(dθ/dt, dψ/dt) where both descend at once."""
        return -torch.stack(self.slopes(*state))

    def move(self, state: Tensor, step: float) -> Tensor:
        """(θ, ψ) after one move of both players."""
        theta, psi = state
        up, down = self.slopes(theta, psi)
        moved = psi - step * down
        if self.clip is not None:
            moved = moved.clamp(-self.clip, self.clip)
        if self.alternating:
            up, _ = self.slopes(theta, moved)
        return torch.stack([theta - step * up, moved])

    def path(self, moves: int = MOVES, step: float = STEP) -> np.ndarray:
        """(moves + 1, 2) from θ = 1, ψ = 0: the generator is wrong, the critic knows nothing."""
        states = [torch.tensor([1.0, 0.0], dtype=torch.float64)]
        for _ in range(moves):
            states.append(self.move(states[-1].requires_grad_(), step).detach())
        return torch.stack(states).detach().numpy()

    def eigenvalues(self, step: float | None = None) -> np.ndarray:
        """Of the linearised move at (0, 0); of the flow where there is no step."""
        follow = self.flow if step is None else partial(self.move, step=step)
        origin = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        matrix = torch.autograd.functional.jacobian(follow, origin)
        return np.linalg.eigvals(matrix.numpy())


# D* of the least-squares game is ½, which ψx cannot say alone.
GAMES = {
    "minimax": ("minimax", 0.0, 0.5),
    "non-saturating": ("non-saturating", 0.0, 0.5),
    "least squares": ("least-squares", 0.5, 0.5),
    "Wasserstein": ("wasserstein", 0.0, 1.0),
    "hinge": ("hinge", 0.0, 1.0),
    "relativistic": ("relativistic", 0.0, 0.5),
}
CLIP = 0.5
HELPED = {
    "non-saturating,\nR1, γ = 0.2": Dirac("non-saturating", penalties={"r1": 0.2}),
    "non-saturating,\nR1, γ = 1": Dirac("non-saturating", penalties={"r1": 1.0}),
    "relativistic,\nR1 + R2, γ = 0.2": Dirac("relativistic", penalties={"r1": 0.2, "r2": 0.2}),
    "Wasserstein,\nR1, γ = 0.2": Dirac("wasserstein", penalties={"r1": 0.2}),
    "Wasserstein,\ntwo-sided, λ = 1": Dirac("wasserstein", penalties={"gradient": 1.0}),
    f"Wasserstein,\n|ψ| ≤ {CLIP:g}": Dirac("wasserstein", clip=CLIP),
}


def dirac() -> dict[str, Any]:
    paths: dict[tuple[str, str], np.ndarray] = {}
    rows: Rows = []
    for name, (objective, bias, slope) in GAMES.items():
        row: dict[str, Any] = {"game": name}
        for moves in ("simultaneous", "alternating"):
            game = Dirac(objective, alternating=moves == "alternating", bias=bias)
            size = np.abs(game.eigenvalues(STEP))
            theory = sqrt(1 + (STEP * slope) ** 2) if moves == "simultaneous" else 1.0
            assert np.ptp(size) < 1e-6  # a conjugate pair
            paths[moves, name] = game.path()
            row |= {
                f"|λ|, {moves}: theory": f"{theory:.6f}",
                f"{moves}: measured": f"{size[0]:.6f}",
            }
        for moves in ("simultaneous", "alternating"):
            row[f"r after {MOVES} {moves}"] = f"{radius(paths[moves, name])[-1]:.3g}"
        rows.append(row)
    helped: Rows = []
    for name, game in HELPED.items():
        paths["helped", name] = game.path()
        smooth = "gradient" not in game.penalties  # its slope jumps where ψ = 0
        helped.append(
            {
                "simultaneous moves": name.replace("\n", " "),
                "eigenvalues of the flow: theory": pair(closed_form(game)) if smooth else "none",
                "measured": pair(game.eigenvalues()) if smooth else "",
                f"r after {MOVES}": f"{radius(paths['helped', name])[-1]:.2g}",
            }
        )
    limits: Rows = []
    for name, theory in (("non-saturating", sqrt(2 * STEP)), ("least squares", sqrt(STEP / 2))):
        objective, bias, _ = GAMES[name]
        late = radius(Dirac(objective, bias=bias).path(2500))[-500:]
        row = {
            "game": name,
            "r of the cycle: theory": f"{theory:.3f}",
            "measured": f"{late.mean():.3f}",
        }
        theory = 1 / sqrt(1 + STEP * MOVES / {"non-saturating": 8, "least squares": 2}[name])
        row |= {
            f"r after {MOVES} alternating: theory": f"{theory:.3f}",
            "measured ": f"{radius(paths['alternating', name])[-63:].mean():.3f}",
        }
        limits.append(row)
    return {"rows": rows, "helped": helped, "limits": limits, "paths": paths}


def closed_form(game: Dirac) -> np.ndarray:
    """−γ/2 ± √(γ²/4 − f′(0)²), Mescheder et al. 2018, arXiv:1801.04406."""
    slope = {objective: slope for objective, _, slope in GAMES.values()}[game.objective]
    gamma = sum(game.penalties.values())
    root = np.sqrt(complex(gamma**2 / 4 - slope**2))
    return np.array([-gamma / 2 + root, -gamma / 2 - root])


def pair(values: np.ndarray) -> str:
    first = max(values, key=lambda v: (round(v.imag, 6), v.real))
    if abs(first.imag) < 1e-6:
        return " and ".join(f"{v:.4f}" for v in sorted(values.real))
    return f"{first.real + 0.0:.4f} ± {first.imag:.4f}i"


def radius(path: np.ndarray) -> np.ndarray:
    return np.linalg.norm(path, axis=1)


# 5. The Wasserstein distance


def wasserstein(n: int = 1_000_000) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    rows: Rows = []
    found: dict[str, Any] = {}
    for name, real, fake in (
        ("two modes, one mode", TWO_MODES, ONE_MODE),
        ("N(0, 1), N(2, 1)", STANDARD, shifted(2.0)),
    ):
        p, q, F, G = real.pdf(GRID), fake.pdf(GRID), real.cdf(GRID), fake.cdf(GRID)
        area = integral(np.abs(F - G))
        best = np.concatenate([[0], np.cumsum(np.sign(G - F)[1:] * np.diff(GRID))])
        x, generated = real.draw(n, rng), fake.draw(n, rng)
        exact = loss_value("wasserstein", lambda x, b=best: np.interp(x, GRID, b), x, generated)
        # The penalised critic is not the 1-Lipschitz one: its slope exceeds 1 by |F − G|/(2λ p̃),
        # p̃ being the density between the rows, which maximises −∫ℓ′(F − G) − λ∫(|ℓ′| − 1)² p̃.
        excess = np.abs(F - G) / (2 * PENALTIES["gradient"].weight * between(real, fake))
        two_sided, soft = (
            on_grid(trained("wasserstein", real, fake, steps=1200, batch=256, penalty=penalty))
            for penalty in ("gradient", "gradient-one-sided")
        )
        hard = on_grid(trained("wasserstein", real, fake, steps=1200, rate=1e-3, clip=0.1))
        inside = (p + q) / 2 > 0.01
        lipschitz = {}
        for kind, critic in (("soft", soft), ("hard", hard)):
            lipschitz[kind] = np.abs(np.gradient(critic, GRID))[inside].max()
        rows.append(
            {
                "p_X, p_g": name,
                "∫|F − G|": f"{area:.4f}",
                "scipy": f"{wasserstein_distance(x, generated):.4f}",
                "exact critic": f"{exact:.4f}",
                "penalised: theory": f"{area + integral(excess * np.abs(F - G)):.4f}",
                "one-sided": f"{integral(soft * (p - q)):.4f}",
                "two-sided": f"{integral(two_sided * (p - q)):.4f}",
                "clipped: raw": f"{integral(hard * (p - q)):.3f}",
                "its slope K": f"{lipschitz['hard']:.2f}",
                "raw/K": f"{integral(hard * (p - q)) / lipschitz['hard']:.4f}",
            }
        )
        found[name] = {
            "F": F,
            "G": G,
            "inside": inside,
            "best": np.sign(G - F),
            "theory": np.sign(G - F) * (1 + excess),
            "soft": np.gradient(soft, GRID),
            "two-sided": np.gradient(two_sided, GRID),
            "hard": np.gradient(hard, GRID) / lipschitz["hard"],
        }
    return found | {"rows": rows}


def between(real: Normals, fake: Normals, nodes: int = 400) -> np.ndarray:
    """The density of εx + (1 − ε)x̂, ε ~ U(0, 1), on GRID: normals again, for each ε."""
    density = np.zeros_like(GRID)
    for epsilon in (np.arange(nodes) + 0.5) / nodes:
        for m, s, w in real._parts():
            for mean, width, weight in fake._parts():
                centre = epsilon * m + (1 - epsilon) * mean
                spread = np.hypot(epsilon * s, (1 - epsilon) * width)
                density += w * weight * norm.pdf(GRID, centre, spread) / nodes
    return np.maximum(density, 1e-300)


# The picture


@styled
def draw(found: dict[str, Any]) -> Figure:
    figure = new_figure(10.4, 11.2)
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(2.75, 5.75, 2.7))
    axes = top.subplots(1, 4)
    draw_discriminator(axes[0], found["1"])
    draw_value(axes[1], found["2"])
    draw_slopes(axes[2], found["3"])
    draw_arrivals(axes[3], found["3"])
    draw_paths(middle, found["4"]["paths"])
    axes = bottom.subplots(1, 4)
    draw_eigenvalues(axes[0])
    draw_flow(axes[1])
    draw_distance(axes[2], found["5"]["two modes, one mode"])
    draw_critics(axes[3], found["5"]["two modes, one mode"])
    return figure


def line(axes: Axes, x: Any, y: Any, colour: str) -> None:
    axes.plot(x, y, color=colour, lw=1.2)


def dots(axes: Axes, x: Any, y: Any, colour: str, size: float = 2.8) -> None:
    axes.plot(x, y, "o", color=colour, ms=size, clip_on=False, zorder=3)


def draw_discriminator(axes: Axes, one: dict[str, Any]) -> None:
    axes.fill_between(GRID, TWO_MODES.pdf(GRID), color=REAL, alpha=0.45, lw=0)
    axes.fill_between(GRID, ONE_MODE.pdf(GRID), color=GENERATED, alpha=0.25, lw=0)
    line(axes, GRID, one["best"], INK)
    shown = one["inside"]
    dots(axes, GRID[shown][::150], sigmoid(one["logit"])[shown][::150], WARNING)
    axes.set(xlim=(-4, 4), ylim=(0, 1.35), yticks=(0, 0.5, 1), xlabel="x")
    axes.text(-3.8, 1.24, "● D, trained", color=WARNING, fontsize=8.5)
    axes.text(-3.8, 1.11, "— $p_X/(p_X + p_g)$", color=INK, fontsize=8.5, parse_math=True)
    axes.text(2.6, 0.27, "$p_X$", color=MUTED, fontsize=9, parse_math=True)
    axes.text(0.3, 0.42, "$p_g$", color=GENERATED, fontsize=9, ha="center", parse_math=True)
    axes.set_title("1  The best discriminator")


def draw_value(axes: Axes, two: dict[str, Any]) -> None:
    for level in (-log(4), 0):
        axes.axhline(level, color=REAL, lw=0.8)
    line(axes, *two["curve"], INK)
    dots(axes, two["shift"], two["trained"], WARNING, 4)
    axes.set(xlim=(-0.15, 5), ylim=(-1.5, 0.12), xlabel="shift between two normals")
    axes.set_yticks([-log(4), -1, -0.5, 0], ["−log 4", "−1", "−½", "0"])
    axes.text(2.1, -0.86, "— −log 4 + 2 JSD", color=INK, fontsize=8.5)
    axes.text(2.1, -1.02, "● J(G, D), trained", color=WARNING, fontsize=8.5)
    axes.text(1.3, -1.345, "equal laws: D = ½", color=MUTED, fontsize=8.5)
    axes.set_title("2  The value of the game")


def draw_slopes(axes: Axes, three: dict[str, Any]) -> None:
    D = three["D"]
    line(axes, D, three["slopes"]["minimax"], WARNING)
    line(axes, D, three["slopes"]["non-saturating"], GENERATED)
    axes.axvspan(0, 0.12, color=REAL, alpha=0.25, lw=0)
    axes.set(xlim=(0, 1), ylim=(0, 1.25), xlabel="D(x̂)", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.text(0.99, 1.04, "log(1 − D)", color=WARNING, fontsize=8.5, ha="right")
    axes.text(0.18, 0.87, "−log D", color=GENERATED, fontsize=8.5)
    axes.text(0.14, 0.04, "D wins", color=MUTED, fontsize=8.5)
    axes.set_title("3  Gradient in the logit …")


def draw_arrivals(axes: Axes, three: dict[str, Any]) -> None:
    shown = np.abs(GRID) < 3
    for name, colour in (("non-saturating", GENERATED), ("minimax", WARNING)):
        mine, best = three["arrives"][name]
        line(axes, GRID[shown], best[shown], colour)
        dots(axes, GRID[shown][::150], mine[shown][::150], colour)
    axes.set(xlim=(-3, 3), ylim=(0, 5), xlabel="x̂", yticks=(0, 2, 4))
    axes.text(0.75, 3.4, "−log D", color=GENERATED, fontsize=8.5)
    axes.text(-2.9, 2.4, "log(1 − D)", color=WARNING, fontsize=8.5)
    axes.text(-2.9, 4.6, "● D, trained   — D*", color=MUTED, fontsize=8.5)
    axes.set_title("3  … and in a generated row")


def draw_paths(figure: Any, paths: dict[tuple[str, str], np.ndarray]) -> None:
    axes = figure.subplots(3, 6)
    fade = LinearSegmentedColormap.from_list("time", ["#cfe0ee", "#0b62a4", "#062f50"])
    reach = 2.2
    order = [
        *(("simultaneous", name) for name in GAMES),
        *(("alternating", name) for name in GAMES),
        *(("helped", name) for name in HELPED),
    ]
    for ax, key in zip(axes.flat, order, strict=True):
        path, r = paths[key], radius(paths[key])
        out = np.abs(path).max(1) > reach
        last = int(out.argmax()) if out.any() else len(path) - 1
        pieces = np.stack([path[:last], path[1 : last + 1]], axis=1)
        lines = LineCollection(pieces, cmap=fade, lw=0.9)
        lines.set_array(np.arange(len(pieces)) / MOVES)
        lines.set_clim(0, 1)
        ax.add_collection(lines)
        ax.plot(0, 0, "+", color=INK, ms=5, mew=0.9)
        ax.plot(1, 0, "o", color="white", mec=INK, ms=3.5, mew=0.8)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=(), yticks=())
        for spine in ax.spines.values():
            spine.set(visible=True, color="#d5dae0")
        growing = r[-1] > 1.1
        words = f"r = {r[-1]:.2f}" if r[-1] > 5e-3 else "r < .005"
        ax.text(
            -0.93 * reach,
            -0.93 * reach,
            words,
            fontsize=8,
            bbox={"color": "white", "pad": 0.5},
            color=WARNING if growing else GREEN if r[-1] < 0.5 else MUTED,
        )
        ax.set_title(key[1], fontsize=8.5)
    for row, words in zip(axes, ("both move at once", "in turn", "at once, helped"), strict=True):
        row[0].set_ylabel(words, color=INK, fontsize=9)
    figure.suptitle(
        "4  The Dirac-GAN: (θ, ψ) over 500 moves of h = 0.1 from ○ at (1, 0), light to dark; "
        "+ is the equilibrium, r the distance at the end",
        x=0.012,
        ha="left",
        fontsize=10,
    )


def draw_eigenvalues(axes: Axes) -> None:
    h, steps = np.linspace(0, 1, 101), np.linspace(0.1, 1, 10)
    helped = Dirac("non-saturating", penalties={"r1": 0.5})
    cases = (
        (Dirac("wasserstein"), np.sqrt(1 + h**2), WARNING),
        (Dirac("non-saturating"), np.sqrt(1 + h**2 / 4), GENERATED),
        (Dirac("wasserstein", alternating=True), np.ones_like(h), INK),
        (Dirac("non-saturating", alternating=True), np.ones_like(h), INK),
        (helped, np.abs(1 + h * closed_form(helped)[0]), GREEN),
    )
    for game, theory, colour in cases:
        line(axes, h, theory, colour)
        dots(axes, steps, [np.abs(game.eigenvalues(d)).max() for d in steps], colour)
    axes.set(xlim=(0, 1), ylim=(0.75, 1.45), xlabel="step h", xticks=(0, 0.5, 1))
    axes.set_yticks((0.8, 1, 1.2, 1.4))
    axes.text(0.66, 1.24, "Wasserstein", color=WARNING, fontsize=8.5, ha="right")
    axes.text(0.99, 1.145, "logistic", color=GENERATED, fontsize=8.5, ha="right")
    axes.text(0.99, 0.945, "either, in turn", color=INK, fontsize=8.5, ha="right")
    axes.text(0.5, 0.815, "logistic, R1, γ = ½", color=GREEN, fontsize=8.5, ha="center")
    axes.set_title("4  |λ| of a move at once")


def draw_flow(axes: Axes) -> None:
    def slowest(gamma: float, values: Callable[[Dirac], np.ndarray]) -> float:
        return values(Dirac("non-saturating", penalties={"r1": gamma})).real.max()

    curve, some = np.linspace(0, 2, 201), np.linspace(0.1, 1.9, 10)
    line(axes, curve, [slowest(float(g), closed_form) for g in curve], GREEN)
    dots(axes, some, [slowest(float(g), Dirac.eigenvalues) for g in some], GREEN)
    axes.set(xlim=(0, 2), ylim=(-0.6, 0.03), xlabel="γ of R1, logistic", xticks=(0, 1, 2))
    axes.set_yticks((-0.5, -0.25, 0), ("−½", "−¼", "0"))
    axes.text(0.35, -0.04, "largest Re λ:", color=MUTED, fontsize=8.5)
    axes.text(0.35, -0.09, "below 0 it converges", color=MUTED, fontsize=8.5)
    axes.text(1.07, -0.51, "γ = 1 is fastest", color=MUTED, fontsize=8.5)
    axes.set_title("4  Rates of the flow")


def draw_distance(axes: Axes, five: dict[str, Any]) -> None:
    axes.fill_between(GRID, five["F"], five["G"], color=GREEN, alpha=0.25, lw=0)
    line(axes, GRID, five["F"], MUTED)
    line(axes, GRID, five["G"], GENERATED)
    axes.set(xlim=(-4, 4), ylim=(0, 1.03), yticks=(0, 0.5, 1), xlabel="x")
    axes.text(-2.1, 0.38, "F, of $p_X$", color=MUTED, fontsize=8.5, ha="right", parse_math=True)
    axes.text(0.1, 0.2, "G, of $p_g$", color=GENERATED, fontsize=8.5, parse_math=True)
    area = integral(np.abs(five["F"] - five["G"]))
    axes.text(-3.8, 0.9, f"area {area:.3f} = W", color=GREEN, fontsize=8.5)
    axes.set_title("5  Wasserstein: the area …")


def draw_critics(axes: Axes, five: dict[str, Any]) -> None:
    shown = five["inside"]
    line(axes, GRID, five["best"], INK)
    line(axes, GRID[shown], five["theory"][shown], WARNING)
    dots(axes, GRID[shown][::150], five["soft"][shown][::150], WARNING)
    axes.plot(GRID[shown], five["hard"][shown], "--", color=GENERATED, lw=1.2)
    axes.plot(GRID[shown], five["two-sided"][shown], ":", color=MUTED, lw=1.5)
    axes.set(xlim=(-4, 4), ylim=(-2, 2), yticks=(-1, 0, 1), xlabel="x")
    axes.text(0.4, -1.45, "two-sided", color=MUTED, fontsize=8.5)
    axes.text(-3.8, 1.7, "— exact: sign(G − F)", color=INK, fontsize=8.5)
    axes.text(-3.8, 1.4, "●— one-sided: trained, theory", color=WARNING, fontsize=8.5)
    axes.text(0.4, -0.1, "clipped, over K", color=GENERATED, fontsize=8.5)
    axes.set_title("5  … and the critic's slope")


def table(rows: Rows) -> str:
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([str(row[key]) for key in head] for row in rows)]
    escaped = [
        [re.sub(r"(?<!e)-(?=\d)", "−", cell).replace("|", "\\|") for cell in line] for line in lines
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in escaped)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/gan-theory.png"))
    options = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small, and threads that wait take minutes
    found: dict[str, Any] = {"1": optimal_discriminator()}
    print("1. The best discriminator\n\n" + table(found["1"]["rows"]), flush=True)
    found["2"] = game_value()
    print("\n2. The value of the game\n\n" + table(found["2"]["rows"]), flush=True)
    found["3"] = saturation(found["1"])
    print("\n3. What reaches the generator\n\n" + table(found["3"]["rows"]))
    for name in ("minimax", "non-saturating"):
        print(f"largest error of the slope in the logit, {name}: {found['3'][f'error {name}']:.1e}")
    found["4"] = dirac()
    print("\n4. The Dirac-GAN\n")
    print("\n\n".join(table(found["4"][part]) for part in ("rows", "helped", "limits")), flush=True)
    found["5"] = wasserstein()
    print("\n5. The Wasserstein distance\n\n" + table(found["5"]["rows"]))
    options.out.write_bytes(png(draw(found)))
    print(f"\n{options.out}")


if __name__ == "__main__":
    main()
