"""Damaged files of every kind: each is read or refused in words, in bounded time and memory.

Seeded: a case that fails is named, and made again by `--kind NAME --first SEED --cases 1`.
"""

from __future__ import annotations

import argparse
import collections
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from record import folder_of, keep, machine, options_of, print_table

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fuzzed import KINDS, outcome

MEMORY = 3 * 2**30  # bytes that a case may take beyond what is mapped before
SECONDS = 20  # of the processor that a case may take: how busy a machine is does not matter
WAITED = 15 * SECONDS  # of a clock, in which one that waits for something is given up


class TooLong(BaseException):
    """No library catches it."""


def main() -> None:
    options: argparse.ArgumentParser = options_of(__doc__)
    options.add_argument("--minutes", type=float, default=5.0)
    options.add_argument("--cases", type=int, default=10**9, help="of each kind")
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--kind", help="only kinds whose name has this in it")
    given = options.parse_args()
    warnings.simplefilter("ignore")
    kinds = [kind for kind in KINDS if (given.kind or "") in kind]
    for kind in kinds:  # whole files, without which there is nothing to damage
        with tempfile.TemporaryDirectory() as folder:
            KINDS[kind].read(KINDS[kind].make(Path(folder)))
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    for limit in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(limit, _too_long)
    counts: dict[str, collections.Counter[str]] = {kind: collections.Counter() for kind in kinds}
    failures: dict[str, list[str]] = {}
    print(f"{len(kinds)} kinds of files", flush=True)
    began, slowest = time.monotonic(), (0.0, "")
    for seed in range(given.first, given.first + given.cases):
        for kind in kinds:
            if time.monotonic() - began > 60 * given.minutes:
                break
            start = time.process_time()
            ended = _case(kind, seed, failures)
            counts[kind][ended] += 1
            slowest = max(slowest, (time.process_time() - start, f"{kind}, seed {seed}"))
        else:
            continue
        break
    total = sum(sum(c.values()) for c in counts.values())
    rows = [
        [kind, *(str(c[k]) for k in ("read", "refused", "failed"))] for kind, c in counts.items()
    ]
    print_table(["kind", "read", "refused in words", "failed"], rows)
    seconds = time.monotonic() - began
    print(f"{total} cases in {seconds:.0f} s; the slowest took {slowest[0]:.1f} s: {slowest[1]}")
    for what, where in failures.items():
        print(f"\nFAILED {len(where)} times, e.g. {where[0]}\n{what}")
    result = {
        "machine": machine(),
        "settings": {"seconds_a_case": SECONDS, "bytes_a_case": MEMORY},
        "cases": total,
        "counts": {kind: dict(c) for kind, c in counts.items()},
        "slowest": slowest,
        "failures": failures,
    }
    keep("fuzz", folder_of(given), result)
    sys.exit(bool(failures))


def _case(kind: str, seed: int, failures: dict[str, list[str]]) -> str:
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(WAITED)
    try:
        return outcome(kind, seed, folder)
    except (Exception, TooLong) as error:
        last = traceback.extract_tb(error.__traceback__)
        place = next((f for f in reversed(last) if "pushforward" in f.filename), last[-1])
        what = f"{type(error).__name__}: {str(error)[:300]}\n  {place.filename}:{place.lineno}"
        failures.setdefault(what, []).append(f"{kind}, seed {seed}")
        return "failed"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        shutil.rmtree(folder, ignore_errors=True)


def _too_long(number: int, _: object) -> None:
    what = "of the processor" if number == signal.SIGPROF else "of waiting"
    raise TooLong(f"more than {SECONDS if number == signal.SIGPROF else WAITED} seconds {what}")


if __name__ == "__main__":
    main()
