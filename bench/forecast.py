"""How long a fit was forecast to take, over how long it took: three methods on two data sets."""

from __future__ import annotations

import time

import pushforward as pf
from record import folder_of, keep, machine, options_of, print_table

METHODS = ("vae", "gan", "wgan-gp")
DATA = ("digits", "grid")


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    options = parser.parse_args()
    rounds = 100 if options.quick else options.rounds
    about, results = machine(), []
    for data in DATA:
        X = pf.load_data(data).X
        for name in METHODS:
            # Patience as long as training: it never stops by itself.
            sampler = pf.METHODS[name].make(max_rounds=rounds, patience=rounds, random_state=0)
            began = time.monotonic()
            found = pf.forecast(sampler, X)
            trial = time.monotonic() - began
            began = time.monotonic()
            sampler.fit(X, progress=False)
            took = time.monotonic() - began
            results.append(
                {
                    "data": data,
                    "method": name,
                    "forecast": found.seconds,
                    "took": took,
                    "ratio": found.seconds / took,
                    "trial": trial,
                }
            )
    head = ("data, method", "forecast, s", "took, s", "ratio", "trial, s")
    print_table(
        head,
        [
            [f"{r['data']}, {r['method']}"]
            + [f"{r[key]:.2f}" for key in ("forecast", "took", "ratio", "trial")]
            for r in results
        ],
    )
    keep("forecast", folder_of(options), {"machine": about, "rounds": rounds, "fits": results})


if __name__ == "__main__":
    main()
