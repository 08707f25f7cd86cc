"""What an autoencoder and a VAE know of digits, as planes: their 16 codes by PCA and by UMAP.

No label is used in the fits; they colour the points. Below, digits on the way between two others.
UMAP is drawn where umap-learn is installed.

    python examples/latent_space.py --out latent.png
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

import pushforward as pf
from pushforward.errors import InputError
from pushforward.report.latent import codes_by_class
from pushforward.report.style import png

WAYS, STEPS = 4, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("latent.png"), help="the .png to draw")
    options = parser.parse_args()
    digits = pf.load_data("digits")
    images, labels = digits.X.reshape(-1, 8, 8), digits.y
    panels, ways = [], []
    for model in (pf.Autoencoder, pf.VAE):
        fitted = model(latent_dim=16, max_rounds=3000, random_state=0).fit(images)
        codes = fitted.transform(images)
        for by in ("pca", "umap"):
            try:
                title = f"{model.__name__}, {by.upper()}"
                panels.append(picture(codes_by_class(codes, labels, by=by, title=title)))
            except InputError as missing:
                print(missing)
        pairs = [np.flatnonzero(labels == k)[0] for k in range(2 * WAYS)]
        starts, ends = images[pairs[:WAYS]], images[pairs[WAYS:]]
        ways.append(fitted.interpolate(starts, ends, STEPS))
        if model is pf.VAE:
            print(f"active units of the VAE: {fitted.active_units(images).sum()} of 16")
    width = sum(panel.width for panel in panels) // 2
    strips = [strip(way, width) for way in ways]
    rows = [beside(panels[: len(panels) // 2]), strips[0], beside(panels[len(panels) // 2 :])]
    stack([*rows, strips[1]]).save(options.out)
    print(f"drawn in {options.out}")


def picture(figure) -> Image.Image:
    return Image.open(io.BytesIO(png(figure))).convert("RGB")


def strip(way: np.ndarray, width: int) -> Image.Image:
    """Ways between digits, two side by side with a gap, ends included."""
    ways = np.pad(way.reshape(WAYS, STEPS, 8, 8), [(0, 0), (0, 1), (0, 1), (0, 1)])
    grid = ways.reshape(WAYS // 2, 2 * (STEPS + 1), 9, 9).swapaxes(1, 2)
    grid = grid.reshape(WAYS // 2 * 9, -1)
    grey = Image.fromarray(np.uint8(255 - np.clip(grid, 0, 16) / 16 * 255))
    height = grid.shape[0] * width // grid.shape[1]
    return grey.resize((width, height), Image.Resampling.NEAREST).convert("RGB")


def beside(parts: list[Image.Image]) -> Image.Image:
    return Image.fromarray(np.hstack([np.asarray(part) for part in parts]))


def stack(parts: list[Image.Image]) -> Image.Image:
    return Image.fromarray(np.vstack([np.asarray(part) for part in parts]))


if __name__ == "__main__":
    main()
