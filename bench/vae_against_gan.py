"""How a VAE fails and how a GAN fails, each failure made to happen and measured.

    python bench/vae_against_gan.py --out vae-against-gan.png

Modes that a GAN drops and a VAE blurs, blurred digits, and a discriminator that learns too fast.
Prints the numbers that docs/vae-against-gan.md quotes, and draws them. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import softplus

import pushforward as pf
from pushforward.evaluation.modes import mode_scores
from pushforward.networks.mlp import mlp
from pushforward.training.device import seeded
from pushforward.training.game import Game, Player, Tensors, Terms
from pushforward.training.loop import Stream, Training, play
from pushforward.training.optimiser import Adam

RED, BLUE, GREEN, GREY = "#b3470b", "#0b62a4", "#3d7a35", "#9aa3ad"
SEEDS = (0, 1, 2)
CALM, FAST = 5e-4, 5e-3  # learning rates: that of pf.GAN, and ten times as much
SHARP = 4  # cycles per image from which on a spatial frequency counts as high


class Duel(Game):
    """A plain GAN, whose discriminator may have several turns for each of the generator."""

    def __init__(self, p: int, k: int, hidden: tuple[int, ...], turns: int, minimax: bool) -> None:
        super().__init__()
        self.k, self.turns, self.minimax = k, turns, minimax
        activation = partial(nn.LeakyReLU, 0.2)
        self.generator = mlp(k, hidden, p, activation=activation)
        self.discriminator = mlp(p, hidden, 1, activation=activation)

    def players(self) -> tuple[Player, ...]:
        return (
            Player("discriminator", self.tell, owns=(self.discriminator,), turns=self.turns),
            Player("generator", self.fool, owns=(self.generator,)),
        )

    def noise(self, n: int, rng: torch.Generator) -> Tensors:
        return {"z": torch.randn(n, self.k, generator=rng)}

    def tell(self, x: Tensor, noise: Tensors) -> Terms:
        fake = self.generator(noise["z"])
        real_logit, fake_logit = self.discriminator(x), self.discriminator(fake)
        return {"real": softplus(-real_logit).mean(), "fake": softplus(fake_logit).mean()}

    def fool(self, x: Tensor, noise: Tensors) -> Terms:  # noqa: ARG002
        return {"fool": self.cost(self.generator(noise["z"])).mean()}

    def cost(self, fake: Tensor) -> Tensor:
        """What the generator pays for each row: log(1 − D), or −log D."""
        logit = self.discriminator(fake)
        return -softplus(logit) if self.minimax else softplus(-logit)


def start(
    x: Tensor, seed: int, learning_rate: float, k: int, hidden: tuple[int, ...], **rules: Any
) -> Training:
    """A duel over rows x, about to begin."""
    with seeded(seed):
        game = Duel(x.shape[1], k, hidden, **rules)
    stream = Stream(x, 128, game.noise, torch.Generator().manual_seed(seed))
    optimisers = {
        player.name: Adam(list(game.owned(player).values()), learning_rate, (0.5, 0.999))
        for player in game.players()
    }
    return Training(game, stream, optimisers)


def modes(rounds: int = 3000, every: int = 100) -> dict[str, Any]:
    """The ring of eight: minimax GANs at two learning rates, round by round, and VAEs."""
    data = pf.load_data("ring")
    scale = data.X.std()
    x = torch.as_tensor(data.X / scale, dtype=torch.float32)
    z = torch.randn(2000, 2, generator=torch.Generator().manual_seed(99))
    samples: dict[str, list[np.ndarray]] = {"real": [data.X[:2000]], "VAE": []}
    curves: dict[str, list[list[int]]] = {}
    for name, rate in (("GAN, fast", FAST), ("GAN, calm", CALM)):
        samples[name], curves[name] = [], []
        for seed in SEEDS:
            training = start(x, seed, rate, 2, (64, 64), turns=1, minimax=True)
            curve = []
            for played in play(training):
                if played.number % every == 0:
                    with torch.no_grad():
                        fake = training.game.generator(z).numpy() * scale
                    curve.append(mode_scores(fake, data.source).captured)
                if played.number >= rounds:
                    break
            samples[name].append(fake)
            curves[name].append(curve)
    for seed in SEEDS:
        vae = pf.VAE(hidden=(64, 64), max_rounds=rounds, random_state=seed).fit(data.X)
        samples["VAE"].append(vae.sample(2000, random_state=1))
    scores = {name: [mode_scores(f, data.source) for f in fakes] for name, fakes in samples.items()}
    at = range(every, rounds + 1, every)
    return {"samples": samples, "scores": scores, "curves": curves, "rounds": list(at)}


def spectrum(images: np.ndarray) -> np.ndarray:
    """Mean power at spatial frequencies of about 1, 2, … 5 cycles per image of 8×8.

    Rings of the two-dimensional Fourier transform, each image's mean taken out; 5 are the corners.
    """
    images = np.asarray(images, dtype=float).reshape(-1, 8, 8)
    images = images - images.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(images)) ** 2).mean(axis=0)
    return np.array([power[frequency() == k].mean() for k in range(1, 6)])


def sharpness(images: np.ndarray) -> float:
    """The share of the energy that lies at high spatial frequencies."""
    sizes = np.array([(frequency() == k).sum() for k in range(1, 6)])
    energy = spectrum(images) * sizes
    return energy[SHARP - 1 :].sum() / energy.sum()


def frequency() -> np.ndarray:
    """Of each coefficient of the transform, in whole cycles per image."""
    cycles = 8 * np.fft.fftfreq(8)
    return np.rint(np.hypot(cycles[:, None], cycles)).astype(int)


def blur() -> dict[str, Any]:
    """Digits: how sharp images of a VAE and of a GAN are, on three splits."""
    samples: dict[str, list[np.ndarray]] = {}
    relative: dict[str, list[float]] = {}
    for seed in SEEDS:
        parts = pf.split(pf.load_data("digits"), seed=seed)
        made: dict[str, np.ndarray] = {"real": np.asarray(parts.test)}
        vae = pf.VAE(max_rounds=3000, random_state=seed)
        vae.fit(parts.train, validation=parts.validation)
        made["VAE"] = vae.sample(2000, random_state=1)
        made["VAE + noise"] = vae.set_params(noise=True).sample(2000, random_state=1)
        gan = pf.GAN(max_rounds=5000, random_state=seed)
        gan.fit(parts.train, validation=parts.validation)
        made["GAN"] = gan.sample(2000, random_state=1)
        for name, images in made.items():
            samples.setdefault(name, []).append(images)
            share = sharpness(images) / sharpness(parts.train)
            relative.setdefault(name, []).append(share)
    spectra = {name: np.array([spectrum(s) for s in each]) for name, each in samples.items()}
    return {"samples": samples, "relative": relative, "spectra": spectra}


def too_smart(rounds: int = 200, turns: int = 20) -> dict[str, list[dict[str, float]]]:
    """Digits: a discriminator of many turns, and the gradient it leaves for the generator."""
    images = pf.load_data("digits").X
    x = torch.as_tensor(images.reshape(len(images), -1) / 8 - 1, dtype=torch.float32)
    z = torch.randn(1000, 16, generator=torch.Generator().manual_seed(99))
    found = {}
    for name, minimax in (("minimax", True), ("non-saturating", False)):
        training = start(x, 0, CALM, 16, (128, 128), turns=turns, minimax=minimax)
        game, table = training.game, []
        for played in play(training):
            if played.number in LOOKS:
                fake = game.generator(z).detach().requires_grad_()
                (slope,) = torch.autograd.grad(game.cost(fake).sum(), fake)
                with torch.no_grad():
                    right = (game.discriminator(x) > 0).float().mean()
                    right = (right + (game.discriminator(fake) < 0).float().mean()) / 2
                row = {"round": played.number, "accuracy": right.item()}
                table.append(row | {"gradient": slope.norm(dim=1).mean().item()})
            if played.number >= rounds:
                break
        found[name] = table
    return found


LOOKS = sorted({round(r) for r in np.geomspace(1, 200, 24)})


def table(found: dict[str, Any]) -> str:
    """The measured numbers, in the form in which the page shows them."""
    lines = ["| the ring, 3 seeds | modes of 8 | high quality |", "|---|---|---|"]
    for name in ("real", "GAN, fast", "GAN, calm", "VAE"):
        scores = found["modes"]["scores"][name]
        captured = ", ".join(str(s.captured) for s in scores)
        quality = ", ".join(f"{s.high_quality:.0%}" for s in scores)
        lines.append(f"| {name} | {captured} | {quality} |")
    lines += ["", "| digits, 3 splits | energy at high frequencies, real training rows = 1 |"]
    lines += ["|---|---|"]
    for name, shares in found["blur"]["relative"].items():
        lines.append(f"| {name} | {np.mean(shares):.2f} ± {standard_error(shares):.2f} |")
    lines += ["", "| discriminator of 20 turns | round | its accuracy | generator's gradient |"]
    lines += ["|---|---|---|---|"]
    for name, rows in found["too smart"].items():
        best = max(rows, key=lambda row: row["gradient"])
        for number in sorted({rows[0]["round"], best["round"], rows[-1]["round"]}):
            (row,) = (each for each in rows if each["round"] == number)
            accuracy = row["accuracy"]
            lines.append(f"| {name} | {number} | {accuracy:.3f} | {row['gradient']:.2g} |")
    return "\n".join(lines)


def standard_error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def draw(found: dict[str, Any], path: Path) -> None:
    plt.rcParams.update({"font.size": 9, "axes.titlesize": 9.5, "axes.titlelocation": "left"})
    figure = plt.figure(figsize=(10, 8.6), dpi=150, layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=(1, 1, 0.95), hspace=0.04)
    draw_modes(found["modes"], top)
    draw_blur(found["blur"], middle)
    draw_too_smart(found["too smart"], bottom)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    with Image.open(path) as drawn:  # a third of the size with 256 colours
        few = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def draw_modes(found: dict[str, Any], figure: Any) -> None:
    figure.suptitle("1  A GAN drops modes; a VAE covers all and fills the gaps", **HEAD)
    *scatters, curve = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.35))
    # Of three runs the one with most rows on a mode: picked, and the page says so.
    shown = int(np.argmax([s.high_quality for s in found["scores"]["GAN, fast"]]))
    for axis, name, colour in zip(
        scatters, ("real", "GAN, fast", "VAE"), (GREY, RED, BLUE), strict=True
    ):
        at = shown if name == "GAN, fast" else 0
        rows, score = found["samples"][name][at], found["scores"][name][at]
        real = found["samples"]["real"][0]
        axis.plot(*real.T, ".", color="#d5dae0", ms=5)
        axis.plot(*rows.T, ".", color=colour, ms=1.6)
        quality = f"{score.high_quality:.0%} on a mode"
        axis.set_title(f"{name}: {score.captured} of 8 modes,\n{quality}")
        axis.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[])
    for name, colour in (("GAN, calm", GREEN), ("GAN, fast", RED)):
        curves = np.array(found["curves"][name])
        curve.plot(found["rounds"], curves.T, color=colour, lw=0.7, alpha=0.35)
        curve.plot(found["rounds"], curves.mean(axis=0), color=colour, lw=2, label=name)
    curve.set(ylim=(0, 8.3), yticks=(0, 2, 4, 6, 8), xlabel="rounds")
    curve.set_title("modes reached\n(thin: each of 3 seeds)")
    curve.legend(frameon=False, loc="lower left", fontsize=8)


def draw_blur(found: dict[str, Any], figure: Any) -> None:
    figure.suptitle("2  A VAE's images are blurred: they lack high frequencies", **HEAD)
    *grids, curve = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.35))
    for axis, name in zip(grids, ("real", "VAE", "GAN"), strict=True):
        images = found["samples"][name][0].reshape(-1, 8, 8)[:36]
        padded = np.pad(images, [(0, 0), (0, 1), (0, 1)])
        tiled = padded.reshape(6, 6, 9, 9).swapaxes(1, 2).reshape(54, 54)
        axis.imshow(tiled, "gray_r", vmin=0, vmax=16, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
        share = np.mean(found["relative"][name])
        axis.set_title(f"{name}: sharpness {share:.2f}")
    styles = {"real": ("k", "-"), "GAN": (RED, "-"), "VAE": (BLUE, "-"), "VAE + noise": (BLUE, ":")}
    for name, (colour, dashes) in styles.items():
        each = found["spectra"][name] / found["spectra"]["real"].mean(axis=0)
        error = each.std(axis=0, ddof=1) / len(each) ** 0.5
        curve.errorbar(range(1, 6), each.mean(axis=0), error, color=colour, ls=dashes, label=name)
    curve.set_yscale("log")
    curve.set_ylim(0.27, 1.3)
    curve.set_yticks((0.3, 0.5, 0.7, 1), ("0.3", "0.5", "0.7", "1"))
    curve.minorticks_off()
    curve.set(xlabel="spatial frequency, cycles per image", xticks=range(1, 6))
    curve.set_title("power, real test rows = 1\n(bars: standard errors)")
    curve.legend(frameon=False, loc="lower left", fontsize=8)


def draw_too_smart(found: dict[str, Any], figure: Any) -> None:
    figure.suptitle("3  A discriminator of 20 turns is right too soon", **HEAD)
    right, slope = figure.subplots(1, 2)
    for name, colour, dashes in (("minimax", RED, "-"), ("non-saturating", BLUE, "--")):
        rounds = [row["round"] for row in found[name]]
        look = {"color": colour, "ls": dashes, "label": name, "lw": 2}
        right.plot(rounds, [row["accuracy"] for row in found[name]], **look)
        slope.plot(rounds, [row["gradient"] for row in found[name]], **look)
    right.set(xscale="log", ylim=(0.45, 1.03), xlabel="rounds")
    right.axhline(0.5, color=GREY, lw=0.8)
    right.set_title("discriminator's accuracy (½: it cannot tell)")
    slope.set(xscale="log", yscale="log", xlabel="rounds")
    slope.set_title("gradient of the generator's loss, norm for a generated row")
    for axis in (right, slope):
        axis.set_xticks((1, 3, 10, 30, 100), ("1", "3", "10", "30", "100"))
        axis.minorticks_off()
        axis.legend(frameon=False, loc="center left")


HEAD = {"x": 0.01, "ha": "left", "fontsize": 11.5, "fontweight": "bold"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PICTURE, help="the .png to draw")
    options = parser.parse_args()
    began = time.monotonic()
    # Two at once, each on one thread: the networks are small.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, torch.set_num_threads, (1,)) as pool:
        measures = {"blur": blur, "modes": modes, "too smart": too_smart}
        jobs = {name: pool.submit(measure) for name, measure in measures.items()}
        found = {name: job.result() for name, job in jobs.items()}
    print(f"{table(found)}\n")
    draw(found, options.out)
    print(f"{options.out}, {time.monotonic() - began:.0f} s")


PICTURE = Path(__file__).resolve().parent.parent / "docs" / "vae-against-gan.png"

if __name__ == "__main__":
    main()
