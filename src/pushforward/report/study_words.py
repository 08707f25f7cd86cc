"""A study in plain words: the answer, what was searched, what is left to run."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from pushforward.report.run import Run
from pushforward.report.words import listing
from pushforward.study.claim import counted, said
from pushforward.study.curves import FIRM, expected_best
from pushforward.study.evidence import Evidence
from pushforward.study.order import Pair, Place
from pushforward.study.plan import FLOOR, REAL
from pushforward.study.search import value_of


def study_answer(
    run: Run, evidence: Evidence, ranked: Sequence[Place], held: Sequence[Pair]
) -> list[str]:
    """Which method, how good, how sure: a few sentences, in paragraphs."""
    objective = evidence.title(evidence.objective)
    if not ranked:
        return _before_restarts(evidence, objective)
    best = ranked[0]
    score = said(evidence.shown(best.median))
    text = Markup(" is best {}: its {} is {}, the median of {}{}.").format(
        _how_far(evidence),
        objective,
        score,
        counted(best.restarts, "restart"),
        _surely(best.method, ranked, held),
    )
    paragraphs: list[str] = [_name(best.method) + text]
    levels = [
        f"{name} get{verb} {said(evidence.shown(level))}"
        for name, verb, level in (
            (f"real {run.noun}", "", evidence.level(REAL)),
            ("a fitted Gaussian, the floor,", "s", evidence.level(FLOOR)),
        )
        if level is not None
    ]
    if levels:
        got = " and ".join(levels)
        paragraphs.append(got[:1].upper() + got[1:] + " by the same test rows.")
    paragraphs.append(_by_budget(evidence))
    failed = [m for m in evidence.methods if evidence.only_failed(m)]
    if failed:
        paragraphs.append(f"Of {listing(failed)} every trial failed.")
    return [paragraph for paragraph in paragraphs if paragraph]


def _name(method: str) -> Markup:
    return Markup("<strong>{}</strong>").format(method)


def _how_far(evidence: Evidence) -> str:
    """Among which methods the best is best."""
    if not waiting(evidence):
        return "once every method has been searched for alike"
    judged = sum(bool(evidence.restarts[m]) for m in evidence.methods)
    among = f"the {judged} of {len(evidence.methods)} methods whose winners were fitted again"
    return f"so far, of {among}"


def _surely(best: str, ranked: Sequence[Place], held: Sequence[Pair]) -> Markup:
    """What it is surely better than, and what it is not."""
    if len(ranked) == 1:
        return Markup("")
    sure = {pair.worse for pair in held if pair.better == best and pair.sure}
    others = [place.method for place in ranked[1:]]
    ties = [m for m in others if m not in sure]
    if not ties:
        return Markup(", surely better than every other")
    if not any(pair.decidable for pair in held):
        return Markup(", though so few restarts could show no difference to any other")
    names = listing([str(_name(method)) for method in ties], "or")
    return Markup(f", though not surely better than {names}")


def _before_restarts(evidence: Evidence, objective: str) -> list[str]:
    done = [m for m in evidence.searched if evidence.winners[m] is not None]
    if not done:
        return ["Nothing is finished yet, or every trial failed, so there is nothing to tell."]
    bests = {m: value_of(evidence.winners[m] or {}, evidence.objective) or 0.0 for m in done}
    best = min(done, key=lambda method: bests[method])
    score = said(evidence.shown(bests[best]))
    return [
        Markup("So far the best trial is of {}, with a {} of {}.").format(
            _name(best), objective, score
        ),
        "No winner has been fitted again yet. The best of many trials flatters its method: only "
        "restarts on the test rows will tell.",
    ]


def _by_budget(evidence: Evidence) -> str:
    """Which method was to be expected best with one trial each, and which with all."""
    methods = [m for m in evidence.searched if evidence.spaces[m]]
    if evidence.settings["search"] != "random" or len(methods) < 2:
        return ""
    drawn = {m: evidence.values(m)[evidence.drawn(m)] for m in methods}
    most = min(map(len, drawn.values())) // FIRM  # beyond, the best hangs on one trial
    if most < 2:
        return ""
    curves = {m: expected_best(values) for m, values in drawn.items()}
    few, many = (min(methods, key=lambda m: float(curves[m][k - 1])) for k in (1, most))
    start = f"Of one random trial each, {few} is to be expected best"
    if few == many:
        return f"{start}, and of {most} as well."
    return f"{start}; of {most}, {many}."


def waiting(evidence: Evidence) -> str:
    """What is left to run, or nothing."""
    budget = evidence.settings.get("budget")
    left = [m for m in evidence.methods if len(evidence.trials[m]) < evidence.of(m)]
    unjudged = [
        m
        for m in evidence.methods
        if evidence.winners[m] is not None and len(evidence.restarts[m]) < evidence.planned_restarts
    ]
    parts = []
    if left and not (budget and not unjudged):
        parts.append(f"trials of {listing(left)}")
    if unjudged or (left and not budget):
        names = unjudged or left
        parts.append(f"restarts of {listing(names)}")
    return " and ".join(parts)


def study_facts(run: Run, evidence: Evidence) -> list[tuple[str, str]]:
    """What was searched on what, with how much effort."""
    data, settings = run.data, evidence.settings
    shape = run.image_shape
    kind = f"{'×'.join(map(str, shape))} images" if shape else f"{data['columns']} columns"
    facts = [("Data", data["name"]), ("Size", f"{data['rows']:,} rows, {kind}")]
    trials = [row for m in evidence.methods for row in evidence.trials[m]]
    restarts = [row for m in evidence.methods for row in evidence.restarts[m]]
    for name, rows, judged in (
        ("Rows of the search", trials, "that judge"),
        ("Rows of each restart", restarts, "test rows"),
    ):
        if rows:
            sizes = rows[0]["sizes"]
            split = f"{sizes['train']:,} training, {sizes['validation']:,} validation, "
            facts.append((name, f"{split}{sizes['test']:,} {judged}"))
    facts.append(("Searched for", evidence.title(evidence.objective)))
    effort = f"{counted(evidence.planned, 'trial')} of each, {settings['search']}"
    facts.append(("Search", effort))
    facts.append(("Then", f"{counted(evidence.planned_restarts, 'restart')} of each winner"))
    if settings.get("budget"):
        facts.append(("Budget", f"{settings['budget']:g} s for each search"))
    if settings.get("max_rounds"):
        facts.append(("Rounds", f"at most {settings['max_rounds']:,}"))
    seconds = sum(row["seconds"] for row in trials)
    again = sum(row["seconds"] for row in restarts)
    facts.append(("Fitting took", f"{seconds:,.0f} s for trials, {again:,.0f} s for restarts"))
    facts.append(("Seed", str(settings["seed"])))
    return facts
