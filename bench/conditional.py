"""Whether what is asked for is drawn: labels, and a number beside them.

    python bench/conditional.py --quick

Digits and glyphs (12×12, drawn afresh for each seed) are split: to one half the methods are fitted,
the other half teaches an independent judge (a support vector machine; for the rotation of glyphs a
regression), which then says what rows look like that were drawn for each class. Beside it what the
judge makes of real rows of the first half. Classes count as covered where at least half of what was
drawn for them is taken for them. Options are the registry's.

`--dev` compares other options of conditional-vae on a split that is not reported: other glyphs, and
another half of the same digits.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.svm import SVC, SVR

import pushforward as pf
from record import folder_of, keep, machine, mean_and_error, options_of, plus_minus, print_table

SEEDS = (0, 1, 2)
METHODS = ("conditional-gan", "conditional-r3-gan", "conditional-vae")
PER_CLASS = 200
GLYPHS = 3000
DEV_SEEDS = (100,)
TRIED: dict[str, dict[str, Any]] = {
    "as by default": {},
    "latent_dim = 8": {"latent_dim": 8},
    "beta = 2": {"beta": 2.0},
}
SHOWN = {"agreement": 3, "real": 3, "worst": 3, "score": 3, "seconds": 0}
TURN = 30.0  # degrees, at most, in either direction


def data(name: str, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows and what they may be asked for by: a class, and the rotation of glyphs."""
    if name == "digits":
        digits = pf.load_data("digits")
        return np.asarray(digits.X), pd.DataFrame({"class": np.asarray(digits.y).astype(str)})
    drawn = pf.glyphs(GLYPHS, 12, seed=seed, rotation=(-TURN, TURN), slanted=(False,))
    assert drawn.factors is not None
    y = drawn.factors[["character", "rotation"]].rename(columns={"character": "class"})
    return np.asarray(drawn.X), y


def measure(
    name: str, method: str, seed: int, rounds: int | None, tried: str = ""
) -> dict[str, Any]:
    """One fit, judged."""
    torch.set_num_threads(1)
    X, y = data(name, seed)
    order = np.random.default_rng(seed).permutation(len(X))
    mine, judges = np.array_split(order, 2)
    options = dict(TRIED[tried]) if tried else {}
    if rounds is not None:
        options["max_rounds"] = rounds
    sampler: Any = pf.METHODS[method].make(random_state=seed, **options)
    began = time.perf_counter()
    sampler.fit(X[mine], y.iloc[mine], progress=False)
    seconds = time.perf_counter() - began
    judge = SVC(C=10).fit(X[judges], y["class"].iloc[judges])
    classes = np.unique(y["class"])
    asked = np.repeat(classes, PER_CLASS)
    given: dict[str, Any] = {"class": asked}
    if "rotation" in y:
        given["rotation"] = np.tile(np.linspace(-0.9 * TURN, 0.9 * TURN, PER_CLASS), len(classes))
    fake = sampler.sample(given=given, random_state=seed)
    right = judge.predict(fake) == asked
    shares = [float(right[asked == c].mean()) for c in classes]
    result = {
        "data": name,
        "method": f"{method}, {tried}" if tried else method,
        "seed": seed,
        "seconds": seconds,
        "rounds": sampler.n_rounds_,
        "agreement": float(right.mean()),
        "real": float((judge.predict(X[mine]) == y["class"].iloc[mine]).mean()),
        "worst": min(shares),
        "covered": int(np.sum(np.array(shares) >= 0.5)),
        "classes": len(classes),
        "score": min(score for _, score in sampler.scores_),
    }
    if "rotation" in y:
        regression = SVR(C=100, epsilon=1.0).fit(X[judges], y["rotation"].iloc[judges])
        result["turned"] = float(np.corrcoef(regression.predict(fake), given["rotation"])[0, 1])
        known = np.corrcoef(regression.predict(X[mine]), y["rotation"].iloc[mine])
        result["turned_real"] = float(known[0, 1])
    return result


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="fits side by side")
    parser.add_argument("--dev", action="store_true", help="other options, on other splits")
    options = parser.parse_args()
    kind = machine()
    seeds = DEV_SEEDS if options.dev else SEEDS
    seeds, rounds = (seeds[:1], 50) if options.quick else (seeds, None)
    fits = [("conditional-vae", t) for t in TRIED] if options.dev else [(m, "") for m in METHODS]
    methods = [f"{m}, {t}" if t else m for m, t in fits]
    work = [(d, m, s, rounds, t) for d in ("digits", "glyphs") for m, t in fits for s in seeds]
    with ProcessPoolExecutor(options.jobs) as pool:
        results = list(pool.map(measure, *zip(*work, strict=True)))
    for name in ("digits", "glyphs"):
        rows = []
        for method in methods:
            runs = [r for r in results if (r["data"], r["method"]) == (name, method)]
            cells = [
                plus_minus(mean_and_error([r[key] for r in runs]), digits)
                for key, digits in SHOWN.items()
            ]
            covered = f"{min(r['covered'] for r in runs)} of {runs[0]['classes']}"
            turned = [
                f"{np.mean([r[k] for r in runs]):.3f}"
                for k in ("turned", "turned_real")
                if k in runs[0]
            ]
            rows.append([method, *cells, covered, " / ".join(turned)])
        head = (
            name,
            "agreement",
            "real rows",
            "worst class",
            "score",
            "seconds",
            "covered",
            "rotation r / real",
        )
        print_table(head, rows)
    settings = {"rows": GLYPHS, "per_class": PER_CLASS, "turn": TURN, "seeds": seeds}
    settings |= {"tried": TRIED} if options.dev else {}
    found = {"machine": kind, "settings": settings, "runs": results}
    keep("conditional-dev" if options.dev else "conditional", folder_of(options), found)


if __name__ == "__main__":
    main()
