"""How long one waits before anything happens: `pushforward --help`, `import pushforward`.

Each in a fresh process, in turns. An empty Python is the floor; the first use of a class that
needs torch shows what is put off until it is needed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from record import folder_of, keep, machine, options_of, print_table

GOAL = 0.5  # seconds, for --help
COMMANDS = {
    "an empty python": [sys.executable, "-c", "pass"],
    "import pushforward": [sys.executable, "-c", "import pushforward"],
    "pushforward --help": [str(Path(sys.executable).with_name("pushforward")), "--help"],
    "import pushforward; pushforward.GAN": [
        *(sys.executable, "-c"),
        "import pushforward; pushforward.GAN",
    ],
}


def run(command: list[str]) -> tuple[float, str]:
    """Seconds that a command takes, and the last line of its error when it fails."""
    began = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return time.perf_counter() - began, error.strerror or "cannot be run"
    seconds = time.perf_counter() - began
    lines = done.stderr.strip().splitlines()
    return seconds, (lines or ["failed"])[-1] if done.returncode else ""


def main() -> None:
    parser = options_of(__doc__)
    parser.add_argument("--times", type=int, help="processes of each (default 10, quick 3)")
    options = parser.parse_args()
    times = options.times or (3 if options.quick else 10)
    kind = machine()
    failures = {name: run(command)[1] for name, command in COMMANDS.items()}  # fills the disk cache
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS if not failures[name]}
    for _ in range(times):
        for name in seconds:
            seconds[name].append(run(COMMANDS[name])[0])
    print_table(
        ("seconds", "median", "fastest", "slowest"),
        [
            (name, f"{median(s):.3f}", f"{min(s):.3f}", f"{max(s):.3f}")
            for name, s in seconds.items()
        ],
    )
    failed = {name: why for name, why in failures.items() if why}
    for name, why in failed.items():
        print(f"{name}: not measured ({why})")
    commands = {name: {"median_s": median(s), "runs_s": s} for name, s in seconds.items()}
    settings = {"times": times, "goal_for_help_s": GOAL}
    result = {"machine": kind, "settings": settings, "commands": commands, "failed": failed}
    keep("startup", folder_of(options), result)


if __name__ == "__main__":
    main()
