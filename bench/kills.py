"""Every method that trains, killed with SIGKILL at random moments and gone on with to its end.

Each fit saves a checkpoint every round, so that many kills come in the middle of a write. What is
saved at the end is compared byte for byte with that of a fit in one go.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import torch

from record import folder_of, keep, machine, options_of, print_table

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from killing import MANY, TRAINED, survive


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--kills", type=int, default=6, help="of each method's fit")
    parser.add_argument("--rounds", type=int, default=120, help="of each fit")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    options = parser.parse_args()
    about = machine()
    torch.set_num_threads(1)
    rng = random.Random(options.seed)
    kills, rounds = (2, 20) if options.quick else (options.kills, options.rounds)
    found = {}
    for name in (*TRAINED, *MANY):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found[name] = survive(name, Path(folder), kills, rounds, rng)
        found[name]["seconds"] = round(time.monotonic() - began, 1)
        print(name, found[name], flush=True)
    head = ("method", "kills", "while writing", "with a checkpoint", "bytes")
    lines = [
        (
            name,
            f"{f['kills']}",
            f"{f['writing']}",
            f"{f['resumed']}",
            "equal" if f["equal"] else "OTHER",
        )
        for name, f in found.items()
    ]
    totals = [str(sum(f[key] for f in found.values())) for key in ("kills", "writing", "resumed")]
    equal = sum(f["equal"] for f in found.values())
    print_table(head, [*lines, ("in all", *totals, f"{equal} of {len(found)}")])
    result = {"rounds": rounds, "kills_wanted": kills, "methods": found, "machine": about}
    keep("kills", folder_of(options), result)


if __name__ == "__main__":
    main()
