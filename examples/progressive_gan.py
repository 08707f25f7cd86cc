"""Letters from a GAN that grows: 4×4 pixels first, then 8×8, then 16×16.

    python examples/progressive_gan.py --out progressive-gan.png

The upper row is real, each row below is what the same fit draws when a stage has been trained.
`--full`: 128×128 pixels with the paper's networks and rounds, for a GPU.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf

SHOWN = 14
SMALL = {"width": 32, "phase_rounds": 150, "learning_rate": 5e-3}  # few rounds, large steps
FULL = {"width": 512, "base": 4096, "latent_dim": 512, "phase_rounds": 37_500}  # 16 images a round


def main(out: str, full: bool) -> None:
    size, options = (128, FULL) if full else (16, SMALL)
    data = pf.glyphs(
        20_000 if full else 2000, size, characters="ABCDEF", families=("sans",), bold=(False,),
        slanted=(False,), seed=0,
    )  # fmt: skip
    X = np.asarray(data.X).reshape(-1, size, size)
    phase, last = options["phase_rounds"], int(np.log2(size)) - 2
    rows = {"real": X[:SHOWN]}
    for stage in range(last + 1):
        steady = 1 if stage < last else 3  # phases after the fade
        rounds = (2 * stage + steady) * phase - 1
        gan = pf.ProgressiveGAN(**options, max_rounds=rounds, patience=rounds, random_state=0)
        gan.fit(X)
        side = gan.resolution_
        rows[f"{side}×{side}"] = gan.sample(SHOWN, random_state=1)
        print(f"{side}×{side}: score {gan.scores_[-1][1]:.2f}", *gan.diagnosis_, sep="\n  ")
    figure = Figure(figsize=(7.5, 0.6 * len(rows)), dpi=110, layout="constrained")
    for axes, (name, images) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
        strip = np.hstack([np.pad(image, 1) for image in images])
        axes.imshow(strip, "gray_r", vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.savefig(out, metadata=pf.figure_metadata(gan))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="progressive-gan.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="128×128 pixels, the paper's sizes")
    options = parser.parse_args()
    main(options.out, options.full)
