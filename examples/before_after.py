"""A page of before and after: small letters made large, beside bicubic and the true ones.

    python examples/before_after.py --out before-after.html

Letters of 48×48 pixels are made small, 12×12, and super-resolution learns to make them large again.
The page shows and measures what it does to letters that it has not seen. The same page comes from
the command, for models of cycle-gan, shared-autoencoder and sim-gan as well:

    pushforward report models/letters held-out/
"""

import argparse
import string

import numpy as np

import pushforward as pf

OPTIONS = {"width": 16, "batch_size": 8}


def main(out: str, rounds: int) -> None:
    characters = string.ascii_letters[:36] + string.digits
    data = pf.glyphs(1500, 48, characters=characters, seed=0)
    images = 1 - np.asarray(data.X).reshape(-1, 48, 48)  # ink on paper
    fitted, held_out = images[:1200], images[1200:]
    options = OPTIONS | {"warm_up": 2 * rounds // 5, "max_rounds": rounds}
    model = pf.SuperResolution(random_state=0, **options).fit(fitted)
    print(pf.write_model_report(out, model, held_out, name="letters"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="before-after.html", help="the page")
    parser.add_argument("--rounds", type=int, default=500, help="that it learns for")
    main(**vars(parser.parse_args()))
