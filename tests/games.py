"""Games for the laws that all games obey: those of the registry, and harder ones made here."""

import numpy as np
import torch
from torch import nn
from torch.func import grad

from helpers import NAMES, beside, tiny
from pushforward.models.neural import NeuralSampler
from pushforward.models.objectives import NonSaturating
from pushforward.models.priors import normal
from pushforward.networks.mlp import mlp
from pushforward.training.device import seeded
from pushforward.training.game import Game, Loss, Player
from pushforward.training.loop import Stream, Training

N, P, LATENT = 12, 4, 2  # rows of a batch, columns, latent dimension

GAMES = [name for name in NAMES if isinstance(tiny(name), NeuralSampler)]
PLAIN = {"objective": "non-saturating", "penalty": None}
VARIANTS = [(name, {}) for name in GAMES] + [
    ("gan", {"objective": "minimax", "prior": "uniform"}),
    ("gan", {"simultaneous": True, "objective": "fisher", "n_critic": 2}),
    ("gan", {"packing": 3, "penalty": "dragan", "spectral": True, "learning_rate": 3e-3}),
    ("vae", {"warm_up": 8, "decoder_variance": "column"}),
    ("unrolled-gan", {"penalty": "r1", "simultaneous": True, "unroll": 2}),
    ("autoencoder", {"linear": True}),
    ("bi-gan", {"objective": "fisher", "penalty": "gradient", "prior": "uniform"}),
    ("info-gan", {"shared": True, "continuous_codes": 2, "blur": 0.0, **PLAIN}),
    ("cycle-gan", {"pool_size": 5}),  # full, and so exchanging rows, after one batch
]
# Those that differ in more than arithmetic, for the laws that take long.
KINDS = [v for v in VARIANTS if v[1] or v[0] in ("gan", "vae", "autoencoder", "wgan", "began")]
VARIANTS += [
    ("bi-gan", {"objective": "relativistic", "penalty": "r1+r2"}),
    ("bi-gan", {"objective": "least-squares", "penalty": "dragan"}),
    ("info-gan", {"categories": 0, "continuous_codes": 1, "prior": "uniform"}),
    ("info-gan", {"shared": True}),
    ("info-gan", {"objective": "fisher", "penalty": None, "continuous_codes": 1}),
    ("info-gan", {"objective": "boundary-equilibrium", "penalty": "dragan"}),
    ("cycle-gan", {"identity_weight": 0.5}),
    ("cycle-gan", {"spectral": True}),
]


def start(name, options=(), seed=0, n=40, p=5):
    # Large steps make a zoo's game chaotic: rounding then grows to differences of weights.
    rate = {"gan": 1e-2, "vae": 1e-2, "autoencoder": 1e-2, "wgan": 1e-4}.get(name, 1e-3)
    sampler = tiny(name, **{"batch_size": 16, "learning_rate": rate} | dict(options))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    other = beside(sampler, X)
    if name == "cycle-gan" and not sampler.identity_weight:
        other = rng.normal(size=(n - 10, p - 1))  # domains may differ in rows and in columns
    Z, _ = sampler._before(X, other)
    x = torch.as_tensor(Z, dtype=torch.float32)
    with seeded(seed):
        game = sampler._game(*Z.shape)
    stream = Stream(x, 16, game.noise, torch.Generator().manual_seed(seed))
    return Training(game, stream, sampler._optimisers(game))


def weights(training):
    return {name: t.clone() for name, t in training.game.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


class PenalisedCritic(Game):
    """A Wasserstein critic with the penalty (‖∇f(x̃)‖ − 1)² on interpolates x̃."""

    def __init__(self):
        super().__init__()
        self.generator, self.critic = mlp(LATENT, (8,), P), mlp(P, (8,), 1, activation=nn.Tanh)

    def players(self):
        return (
            Player("critic", self.criticise, owns=(self.critic,), turns=2),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n, rng):
        return {"z": normal(n, LATENT, rng), "mix": torch.rand(n, 1, generator=rng)}

    def criticise(self, x, noise):
        fake = self.generator(noise["z"])
        between = noise["mix"] * x + (1 - noise["mix"]) * fake
        gradient = grad(lambda points: self.critic(points).sum())(between)
        norm = (gradient.square().sum(1) + 1e-12).sqrt()
        return {
            "real": -self.critic(x).mean(),
            "fake": self.critic(fake).mean(),
            "penalty": 10 * (norm - 1).square().mean(),
        }

    def generate(self, x, noise):  # noqa: ARG002
        return {"fool": -self.critic(self.generator(noise["z"])).mean()}


class PooledGame(Game):
    """A discriminator that sees a pool of earlier generated rows, each replaced with p = ½."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = mlp(LATENT, (8,), P), mlp(P, (8,), 1)
        self.register_buffer("pool", torch.zeros(N, P))
        self.register_buffer("filled", torch.zeros(()))

    def players(self):
        return (
            Player("discriminator", self.discriminate, owns=(self.discriminator,)),
            Player("generator", self.generate, owns=(self.generator,)),
        )

    def noise(self, n, rng):
        return {"z": normal(n, LATENT, rng), "swap": torch.rand(n, 1, generator=rng)}

    def discriminate(self, x, noise):
        fake = self.generator(noise["z"])
        shown = torch.where((noise["swap"] < 0.5) & (self.filled > 0), self.pool, fake)
        terms = NonSaturating().discriminator(self.discriminator(x), self.discriminator(shown))
        return Loss(terms, {"fake": fake, "swap": noise["swap"]})

    def generate(self, x, noise):  # noqa: ARG002
        fake = self.generator(noise["z"])
        return NonSaturating().generator(None, self.discriminator(fake))

    def update(self, player, outputs):
        if player != "discriminator":
            return {}
        fresh = (outputs["swap"] < 0.5) | (self.filled == 0)
        pool = torch.where(fresh, outputs["fake"], self.pool)
        return {"pool": pool, "filled": torch.ones_like(self.filled)}
