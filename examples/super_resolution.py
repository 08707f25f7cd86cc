"""Make small pictures of letters and digits large: what bicubic gives, and what a network learns.

    python examples/super_resolution.py --out super-resolution.png

Glyphs of 64×64 pixels are made small, 16×16, by averages, and a network learns to make them large
again: first by squared error, then such that a classifier's features agree and a discriminator
takes them for real. Below are glyphs that it has not seen. `--full` has the sizes of the paper, for
a GPU.
"""

import argparse
import string

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import pushforward as pf
from pushforward.data.simulated import shrink
from pushforward.evaluation.classifier import ClassifierFeatures
from pushforward.evaluation.image_quality import psnr, ssim

SMALL = {"width": 16, "blocks": 4, "batch_size": 8, "warm_up": 200, "max_rounds": 500}
FULL = {"width": 64, "blocks": 16, "batch_size": 16, "learning_rate": 1e-4}
FULL |= {"warm_up": 50_000, "max_rounds": 150_000, "patience": 150_000}


def main(out: str, full: bool) -> None:
    n, size = (20_000, 96) if full else (1000, 64)
    characters = string.digits + string.ascii_lowercase[:10]
    data = pf.glyphs(n + 10, size, characters=characters, seed=0)
    images, labels = np.asarray(data.X).reshape(-1, size, size), np.asarray(data.y)
    train, true = images[:n], images[n:]
    k = n if full else 250  # are enough to tell characters apart
    features = ClassifierFeatures.fit(train[:k], labels[:k], "glyphs").maps
    model = pf.SuperResolution(features=features, random_state=0, **FULL if full else SMALL)
    low = shrink(true, 4)
    ours = model.fit(train).upscale(low)
    pictures = [Image.fromarray(x.astype(np.float32)).resize((size, size), 3) for x in low]
    bicubic = np.stack(pictures).clip(0, 1)  # 3: bicubic
    rows = {"16×16": low, "bicubic": bicubic, "ours": ours, "true": true}
    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    for axes, (name, shown) in zip(figure.subplots(4, 1), rows.items(), strict=True):
        axes.imshow(np.hstack(shown), cmap="gray_r", vmin=0, vmax=1)
        axes.set_ylabel(name, rotation=0, ha="right", va="center")
        axes.set(xticks=[], yticks=[])
        if len(shown[0]) == size:
            print(f"{name}: {psnr(shown, true).clip(0, 99).mean():.1f} dB", end=", ")
            print(f"SSIM {ssim(shown, true).mean():.3f}")
    figure.savefig(out, metadata=pf.figure_metadata(model))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="super-resolution.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="the sizes of the paper, for a GPU")
    main(**vars(parser.parse_args()))
