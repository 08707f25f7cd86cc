"""The objectives and penalties against the theory of adversarial training, in closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm, wasserstein_distance

from pushforward.models.objectives import OBJECTIVES
from pushforward.models.penalties import PENALTIES
from pushforward.training.game import as_loss

LOGISTIC = ("minimax", "non-saturating")
# The slope f′(0) of both players at the equilibrium of the Dirac-GAN, and the critic's bias there:
# D* of the least-squares game is ½.
GAMES = {
    "minimax": (0.5, 0.0),
    "non-saturating": (0.5, 0.0),
    "relativistic": (0.5, 0.0),
    "least-squares": (0.5, 0.5),
    "wasserstein": (1.0, 0.0),
    "hinge": (1.0, 0.0),
}
NODES = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000


def quantiles(mean: float, width: float = 1.0) -> torch.Tensor:
    """Rows (n, 1) whose average is an integral over N(mean, width²)."""
    return mean + width * torch.from_numpy(norm.ppf(NODES.numpy()))[:, None]


def terms(loss) -> dict[str, torch.Tensor]:
    return as_loss(loss).terms


def total(loss) -> torch.Tensor:
    return sum(terms(loss).values())


# The best discriminator and the value of the game


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("minimax", lambda p, q: torch.log(p / q)),
        ("non-saturating", lambda p, q: torch.log(p / q)),
        ("least-squares", lambda p, q: p / (p + q)),
        ("least-squares-pearson", lambda p, q: (p - q) / (p + q)),
        ("hinge", lambda p, q: torch.sign(p - q)),
    ],
)
def test_the_best_discriminator_is_known_at_every_point(name, best):
    """Where densities are p and q, p × (loss of a real row) + q × (of a generated one) is least."""
    p, q = torch.rand(2, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.05
    at_best = best(p, q)
    objective = OBJECTIVES[name]()

    def loss(value: torch.Tensor) -> torch.Tensor:
        each = []
        for a, b, v in zip(p, q, value, strict=True):
            parts = terms(objective.discriminator(v.view(1, 1), v.view(1, 1)))
            each.append(a * parts["real"] + b * parts["fake"])
        return torch.stack(each)

    lowest = loss(at_best)
    for away in (-0.3, -1e-3, 1e-3, 0.3):
        assert (loss(at_best + away) > lowest).all()
    if name in LOGISTIC:
        torch.testing.assert_close(torch.sigmoid(at_best), p / (p + q))


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 2.0])
def test_the_value_of_the_game_is_the_jensen_shannon_divergence(shift):
    x, generated = quantiles(0.0), quantiles(shift)
    objective = OBJECTIVES["minimax"]()

    def value(logit) -> float:
        return -total(objective.discriminator(logit(x), logit(generated))).item()

    def best(rows: torch.Tensor) -> torch.Tensor:
        return shift * (shift / 2 - rows)

    grid = np.linspace(-9, 12, 20_001)
    p, q = norm.pdf(grid), norm.pdf(grid, shift)
    middle = (p + q) / 2
    jsd = np.trapezoid(p * np.log(p / middle) + q * np.log(q / middle), grid) / 2
    assert value(best) == pytest.approx(-math.log(4) + 2 * jsd, abs=5e-5)
    for other in (lambda rows: best(rows) + 0.2, lambda rows: best(rows) + 0.2 * rows):
        assert value(other) < value(best) - 1e-3  # any other D says less
    if shift == 0:
        assert value(best) == pytest.approx(-math.log(4), abs=1e-12)
        assert (torch.sigmoid(best(x)) == 0.5).all()


def test_the_saturating_loss_has_slope_d_and_the_other_one_minus_d():
    D = torch.linspace(0.001, 0.999, 50, dtype=torch.float64)
    for name, expected in (("minimax", D), ("non-saturating", 1 - D)):
        logit = torch.logit(D)[:, None].requires_grad_()
        loss = total(OBJECTIVES[name]().generator(None, logit)) * len(D)
        (slope,) = torch.autograd.grad(loss, logit)
        torch.testing.assert_close(-slope[:, 0], expected)


# The Dirac-GAN of Mescheder et al. 2018, arXiv:1801.04406: real rows 0, G(z) = θ, ℓ(x) = ψx + bias


def slopes(name, state, penalties=()):
    """∂L_G/∂θ and ∂L_D/∂ψ at (θ, ψ), by autograd; each with the other player held."""
    theta, psi = (each.clone() for each in state)
    objective, bias = OBJECTIVES[name](), GAMES[name][1]

    def critic(rows: torch.Tensor) -> torch.Tensor:
        return psi * rows + bias

    x, fake = torch.zeros(1, 1, dtype=torch.float64), theta.view(1, 1)
    down = total(objective.discriminator(critic(x), critic(fake)))
    for penalty, weight in penalties:
        down = down + weight * PENALTIES[penalty](critic, x, fake, {})
    up = total(objective.generator(critic(x), critic(fake)))
    return (
        torch.autograd.grad(up, theta, create_graph=True)[0],
        torch.autograd.grad(down, psi, create_graph=True)[0],
    )


def move(name, state, step, alternating=False):
    theta, psi = state
    up, down = slopes(name, (theta, psi))
    moved = psi - step * down
    if alternating:
        up, _ = slopes(name, (theta, moved))
    return torch.stack([theta - step * up, moved])


def eigenvalues(function) -> np.ndarray:
    origin = torch.zeros(2, dtype=torch.float64)
    matrix = torch.autograd.functional.jacobian(function, origin)
    return np.linalg.eigvals(matrix.numpy())


@pytest.mark.parametrize("step", [0.1, 0.5])
@pytest.mark.parametrize("name", list(GAMES))
def test_moves_at_once_spiral_away_and_moves_in_turn_circle(name, step):
    slope = GAMES[name][0]
    at_once = eigenvalues(lambda state: move(name, state, step))
    in_turn = eigenvalues(lambda state: move(name, state, step, alternating=True))
    expected = math.sqrt(1 + (step * slope) ** 2)
    np.testing.assert_allclose(np.abs(at_once), expected, rtol=1e-9)
    np.testing.assert_allclose(np.abs(in_turn), 1, rtol=1e-9)
    assert np.abs(in_turn.imag).min() > step * slope / 2  # it turns


@pytest.mark.parametrize("name", ["non-saturating", "relativistic", "wasserstein"])
@pytest.mark.parametrize("penalties", [{"r1": 0.3}, {"r2": 0.3}, {"r1": 0.7, "r2": 1.9}])
def test_r1_and_r2_pull_the_flow_to_the_equilibrium(name, penalties):
    """λ = −γ/2 ± √(γ²/4 − f′(0)²); at the equilibrium R1 and R2 are the same."""

    def flow(state: torch.Tensor) -> torch.Tensor:
        return -torch.stack(slopes(name, state, tuple(penalties.items())))

    gamma, slope = sum(penalties.values()), GAMES[name][0]
    root = np.sqrt(complex(gamma**2 / 4 - slope**2))
    expected = np.array([-gamma / 2 - root, -gamma / 2 + root])
    found = eigenvalues(flow).astype(complex)
    for values in (found, expected):
        values.sort()
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert found.real.max() < 0


@pytest.mark.parametrize(
    ("name", "squared"), [("non-saturating", 2.0), ("relativistic", 2.0), ("least-squares", 0.5)]
)
def test_moves_at_once_end_on_a_known_cycle(name, squared):
    """Terms of third order hold the spiral at r² = 2h, and h/2 for least squares, as h → 0."""
    step, state = 0.2, torch.tensor([math.sqrt(squared * 0.2), 0.0], dtype=torch.float64)
    radii = []
    for _ in range(500):
        state = move(name, state.requires_grad_(), step).detach()
        radii.append(state.square().sum().item())
    late = np.mean(radii[-250:])  # four turns
    assert late == pytest.approx(squared * step, rel=0.05)


# The Wasserstein distance on the line


@pytest.mark.parametrize(("mean", "width"), [(2.0, 1.0), (0.3, 0.5), (0.0, 2.0)])
def test_the_best_lipschitz_critic_reaches_the_area_between_distribution_functions(mean, width):
    x, generated = quantiles(0.0), quantiles(mean, width)
    grid = np.linspace(-12, 14, 26_001)
    gap = norm.cdf(grid, mean, width) - norm.cdf(grid)
    area = np.trapezoid(np.abs(gap), grid)
    best = np.concatenate([[0.0], np.cumsum(np.sign(gap)[1:] * np.diff(grid))])
    objective = OBJECTIVES["wasserstein"]()

    def value(critic) -> float:
        return -total(objective.discriminator(critic(x), critic(generated))).item()

    def exact(rows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.interp(rows.numpy(), grid, best))

    assert value(exact) == pytest.approx(area, abs=2e-3)
    distance = wasserstein_distance(x[:, 0].numpy(), generated[:, 0].numpy())
    assert distance == pytest.approx(area, abs=2e-3)
    for other in (torch.sin, torch.abs, lambda rows: rows, lambda rows: -rows):
        assert value(other) <= area + 2e-3  # all of slope 1 at most
    assert value(torch.sin) < area - 0.01
