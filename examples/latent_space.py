"""What an autoencoder and a VAE know of digits, as planes: their 16 codes by PCA and by UMAP.

    python examples/latent_space.py --out latent.png

To be seen: no label was used in the fits, and yet classes (colours) are near each other; below,
digits on the way between two others. UMAP is drawn where umap-learn is installed (it is the extra
pushforward[umap]); how far its clusters are apart means nothing.
"""

import argparse
import io

import numpy as np
from PIL import Image

import pushforward as pf
from pushforward.errors import InputError
from pushforward.report.latent import codes_by_class
from pushforward.report.style import png

STEPS = 10


def main(out: str) -> None:
    digits = pf.load_data("digits")
    images, labels = digits.X.reshape(-1, 8, 8), digits.y
    first = images[[np.flatnonzero(labels == k)[0] for k in range(8)]]
    bands = []
    for model in (pf.Autoencoder, pf.VAE):
        fitted = model(latent_dim=16, max_rounds=3000, random_state=0).fit(images)
        codes, planes = fitted.transform(images), []
        for by in ("pca", "umap"):
            try:
                title = f"{model.__name__}, {by.upper()}"
                figure = codes_by_class(codes, labels, by=by, title=title)
                planes.append(np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB")))
            except InputError as missing:
                print(missing)
        bands.append(np.hstack(planes))
        bands.append(strip(fitted.interpolate(first[:4], first[4:], STEPS), bands[0].shape[1]))
        if model is pf.VAE:
            print(f"active units of the VAE: {fitted.active_units(images).sum()} of 16")
    Image.fromarray(np.vstack(bands)).quantize(256, dither=Image.Dither.NONE).save(out)
    print(f"drawn in {out}")


def strip(way: np.ndarray, width: int) -> np.ndarray:
    """Four ways between digits in two rows, ends included, as a picture of that width."""
    ways = np.pad(way.reshape(4, STEPS, 8, 8), [(0, 0), (0, 1), (0, 1), (0, 1)])
    sheet = ways.reshape(2, 2 * (STEPS + 1), 9, 9).swapaxes(1, 2).reshape(18, -1)
    grey = Image.fromarray(np.uint8(255 - np.clip(sheet, 0, 16) / 16 * 255))
    size = (width, 18 * width // sheet.shape[1])
    return np.asarray(grey.resize(size, Image.Resampling.NEAREST).convert("RGB"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="latent.png", help="the picture")
    main(parser.parse_args().out)
