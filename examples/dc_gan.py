"""New letters from a DCGAN: real ones, and draws as training goes on.

    python examples/dc_gan.py --out dc-gan.png

Letters of nine fonts, turned and moved. To be seen: blobs, then strokes, then letters, and among
them some that no alphabet has. Takes about two minutes; `--full`, for a GPU, has the paper's
networks at 64 pixels.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf

QUICK = {"size": 24, "n": 3000, "width": 16, "rounds": (100, 400, 1500)}
FULL = {"size": 64, "n": 60_000, "width": 128, "rounds": (1000, 10_000, 60_000)}


def main(out: str, full: bool) -> None:
    chosen = FULL if full else QUICK
    size = chosen["size"]
    letters = pf.glyphs(chosen["n"], size=size, characters="ABCDEFGH", seed=0)
    X = letters.X.reshape(-1, size, size)
    bands = {"real letters": X}
    for rounds in chosen["rounds"]:
        gan = pf.METHODS["dc-gan"].make(
            width=chosen["width"], batch_size=64, max_rounds=rounds, patience=rounds, random_state=0
        )
        bands[f"drawn after {rounds} rounds"] = gan.fit(X).sample(40, random_state=1)
    figure = Figure(figsize=(8, 4), dpi=130, layout="constrained")
    for axis, (title, images) in zip(figure.subplots(len(bands)), bands.items(), strict=True):
        rows = images[:40].reshape(2, 20, size, size)
        strip = np.vstack([np.hstack(np.pad(row, [(0, 0), (1, 0), (1, 0)])) for row in rows])
        axis.imshow(strip, "gray_r", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(title, fontsize=8, loc="left")
        axis.axis("off")
    figure.savefig(out, metadata=pf.figure_metadata(gan))
    print(f"drawn in {out}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="dc-gan.png", help="the picture")
    parser.add_argument("--full", action="store_true", help="64 pixels, for a GPU")
    options = parser.parse_args()
    main(options.out, options.full)
