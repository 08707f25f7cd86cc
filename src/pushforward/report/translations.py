"""Translators and refiners on held-out images: before, after, back again, and how real it looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pushforward.data.encoding import Encoding
from pushforward.errors import InputError
from pushforward.models.translation import diagnose_translation
from pushforward.models.two_domains import TwoDomainSampler, comparable
from pushforward.report.before_after import (
    Band,
    Changes,
    Way,
    checked,
    distance,
    known_rows,
    limits_of,
    percent,
    share,
    told_cells,
    unit,
)
from pushforward.report.telling import See, Told, gain, told
from pushforward.sampler import HasCodes
from pushforward.training.diagnosis import Finding

UNPAIRED = (
    "No held-out image has a known counterpart, so nothing here says whether an image became the "
    "right one: a translation that turns every 3 into some 8 may have the same numbers. Look at "
    "the rows.",
    "½ says that these two classifiers cannot tell; another may.",
)
HIDDEN = (
    "Coming back as it was does not show that it was right in between: a translator may hide in "
    "faint pixels what undoes it (Chu et al. 2017, arXiv:1712.02950)."
)
LABELS = (
    "Whether what an image was simulated from (its label) is still true of it: a small change "
    "speaks for it; a classifier that reads real images would say."
)
MEANINGS = (
    (
        "told from real ones",
        "how often a classifier says rightly, of images that it did not learn from, which are real "
        "and which not, with its 95\u00a0% interval; ½ is chance. Once by the majority of the "
        "nearest images, once by a network with a hidden layer of 20 units.",
    ),
    ("moved", "the mean absolute difference of pixels from what went in, black 0 and white 1."),
)
BACK = ("back again", "the same difference, after translating there and back; 0 is undone exactly.")
GIVEN_BACK = (
    "given back",
    "the same difference, after encoding and decoding with its own decoder.",
)


@dataclass(frozen=True)
class Side:
    """One of the two sets: its name on the page, its held-out images, how they are encoded."""

    name: str
    images: NDArray
    encoding: Encoding

    def unit(self, images: NDArray) -> NDArray[np.float64]:
        return unit(images, limits_of(self.encoding))


@dataclass(frozen=True)
class Seen:
    """What was measured of one way."""

    before: Told | None  # None where images of the two sets differ in shape
    after: Told
    real: Told


def translations(model: TwoDomainSampler, A: Any, B: Any, see: See) -> Changes:
    """What a model of two sets does to held-out images of both, each way that it knows.

    Raises:
        InputError: rows that are no images, or others than those that were fitted.
    """
    if not model.encoding_.kind == model.other_encoding_.kind == "images":
        raise InputError(
            "expected a model of two sets of images, this one translates rows; hold them against "
            "real ones: pushforward translate, then pushforward evaluate"
        )
    refines = model.ways == ("b",)
    names = ("simulated", "real") if refines else ("A", "B")
    a = Side(names[0], checked(A, model.encoding_, "held-out images of A"), model.encoding_)
    b = Side(
        names[1], checked(B, model.other_encoding_, "held-out images of B"), model.other_encoding_
    )
    ways: list[Way] = []
    answers: list[str] = []
    findings: list[Finding] = []
    for to in model.ways:
        source, target = (a, b) if to == "b" else (b, a)
        way, seen, found = _way(model, source, target, to, see)
        ways.append(way)
        answers += _answer(source.name, target.name, seen, refines)
        findings += found
    answers += _seen_before(model, a, refines)
    meanings = list(MEANINGS)
    limits = list(UNPAIRED)
    if refines:
        limits.insert(1, LABELS)
    elif isinstance(model, HasCodes):
        meanings.append(GIVEN_BACK)
    else:
        meanings.append(BACK)
        limits.insert(1, HIDDEN)
    question = "Do refined images look real?" if refines else "What becomes of A, and of B?"
    return Changes(question, answers, ways, limits, meanings, findings)


def _way(
    model: TwoDomainSampler, source: Side, target: Side, to: str, see: See
) -> tuple[Way, Seen, list[Finding]]:
    """One way, of `source` to `target`: what is drawn and what is measured."""
    refines, own = model.ways == ("b",), "a" if to == "b" else "b"
    done = "refined" if refines else f"{source.name} as {target.name}"
    after = model.translate(source.images, to=to)
    x, y = source.unit(source.images), target.unit(after)
    alike = x.shape == y.shape
    bands = [Band(source.name if refines else f"{source.name}, held out", x)]
    moved = [share(distance(x, y)) if alike else "–"]
    columns = [("told by nearest images", "→ ½"), ("told by a network", "→ ½"), ("moved", "")]
    if refines:
        bands += [Band(done, y), _difference(x, y)]
    elif isinstance(model, HasCodes):
        given = source.unit(model.translate(source.images, to=own))
        bands += [Band("given back by its own decoder", given), Band(done, y)]
        columns.append(("given back", "↓ 0"))
        moved.append(share(distance(x, given)))
    else:
        again = source.unit(model.translate(after, to=own))
        bands += [Band(done, y), Band(f"back again as {source.name}", again)]
        columns.append(("back again", "↓ 0"))
        moved.append(share(distance(x, again)))
    real = target.unit(target.images)
    seen = _told(source.images, after, target.images, see)
    bands.append(Band(f"{'real' if refines else f'real {target.name}'}, others", real))
    nothing = ["0" if alike else "–", "0"][: len(moved)]
    rows = [
        (source.name if refines else f"{source.name} as it is", told_cells(seen.before) + nothing),
        (done, told_cells(seen.after) + moved),
        (f"real{'' if refines else f' {target.name}'}", told_cells(seen.real) + [""] * len(moved)),
    ]
    n = (seen.real.nearest.n_train + seen.real.nearest.n_test) // 2
    between = distance(x, np.roll(x, 1, axis=0))
    caption = (
        f"Told: {n} of each kind against {n} real ones, half of all to learn from and half to "
        f"test on. Two different {'simulated images' if refines else f'of {source.name}'} "
        f"are {share(between)} apart."
    )
    title = "From simulated to refined" if refines else f"From {source.name} to {target.name}"
    return (
        Way(title, bands, columns, rows, caption),
        seen,
        _findings(model, source, target, after),
    )


def _told(x: NDArray, y: NDArray, real: NDArray, see: See) -> Seen:
    """Against one half of the real images: what goes in, what comes out, and the other half."""
    n = min(len(x), len(real) // 2)  # accuracies grow with what is learnt from
    half, other = real[:n], real[n : 2 * n]
    before = told(half, x[:n], see) if x.shape[1:] == real.shape[1:] else None
    return Seen(before, told(half, y[:n], see), told(half, other, see))


def _difference(x: NDArray, y: NDArray) -> Band:
    """What was added, grey for nothing."""
    most = float(np.percentile(np.abs(y - x), 99.5)) or 1.0
    shown = np.clip(0.5 + (y - x) / (2 * most), 0.0, 1.0)
    return Band(f"difference: grey is none, black and white ±{most:.2f}", shown)


def _findings(model: TwoDomainSampler, source: Side, target: Side, after: NDArray) -> list[Finding]:
    """IDENTITY and INVERTED, on held-out images."""
    if not comparable(model.encoding_, model.other_encoding_):
        return []
    rows = source.encoding.transform(source.images)
    real, translated = (target.encoding.transform(X) for X in (target.images, after))
    return [
        found._replace(sentence=f"{source.name} to {target.name}: {found.sentence}")
        for found in diagnose_translation(rows, translated, real)
    ]


def _answer(source: str, target: str, seen: Seen, refines: bool) -> Sequence[str]:
    """In words, and first what was asked."""
    done = "Refined images" if refines else f"{source} as {target}"
    real = "real ones" if refines else f"real {target}"
    before, after = seen.before, seen.after
    if before is not None and not (before.apart or after.apart):
        return [
            f"{done}: neither classifier tells {source} from {real} to begin with, so they cannot "
            "say what is gained. Look at the rows."
        ]
    then = ["", ""]
    head = f"{done}: "
    if before is not None:
        then = [f" ({source}: {percent(t.accuracy)})" for t in (before.nearest, before.network)]
        head = f"{done} {_in_words(gain(before, after), source, target, refines)}"
    numbers = (
        f"told from {real} {percent(after.nearest.accuracy)} of the time by the nearest "
        f"images{then[0]}, {percent(after.network.accuracy)} by a small network{then[1]}; 50% is "
        "chance."
    )
    verdict = head + numbers
    passes = (
        "They can still be told apart."
        if after.apart
        else "In so many images these classifiers do not tell them apart."
    )
    return [verdict, passes]


def _in_words(gained: str, source: str, target: str, refines: bool) -> str:
    """What the classifiers say of before and after; numbers follow."""
    are, look, real = ("are", "look", "real") if refines else ("is", "looks", f"like {target}")
    return {
        "nearer": f"{look} more {real}: ",
        "farther": f"{look} less {real} than {source} as it was: ",
        "mixed": f"{look} more {real} to one classifier and less to the other: ",
        "unclear": f"{are} not seen to be nearer to {target} than {source} was: ",
    }[gained]


def _seen_before(model: TwoDomainSampler, a: Side, refines: bool) -> list[str]:
    """Held-out images that are none: those of A are in the model, of B none are."""
    known = known_rows(model.source_, a.encoding.transform(a.images))
    if not known:
        return []
    images = "simulated images" if refines else f"images of {a.name}"
    return [
        f"{known} of these {len(a.images)} {images} are training images of the model: the numbers "
        "flatter it. Hold other images out."
    ]
