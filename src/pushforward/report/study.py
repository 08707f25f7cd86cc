"""The page of a study: what its template shows, drawn from the rows alone."""

from __future__ import annotations

from typing import Any

from pushforward.report.as_table import as_table
from pushforward.report.pictures import Gallery, dot_plot
from pushforward.report.run import Run
from pushforward.report.study_options import failures, found_options
from pushforward.report.study_pictures import (
    curve_pictures,
    option_cards,
    rank_picture,
    strip_picture,
)
from pushforward.report.study_words import study_answer, study_facts, waiting
from pushforward.report.table import columns, header, lines, troubles
from pushforward.report.words import NUMBERS, advice, limit
from pushforward.study.claims import claims, judged_values
from pushforward.study.evidence import Evidence
from pushforward.study.order import pairs, places
from pushforward.study.sensitivity import sensitivity


def study_page(run: Run, evidence: Evidence) -> dict[str, Any]:
    """All that the template of a study names."""
    gallery = Gallery(run)
    values = judged_values(evidence)
    ranked, held = places(values), pairs(values)
    told = {m: found for m in evidence.searched if (found := sensitivity(evidence, m)) is not None}
    shown = columns(run)
    return {
        "run": run,
        "evidence": evidence,
        "objective": evidence.title(evidence.objective),
        "answer": study_answer(run, evidence, ranked, held),
        "waiting": waiting(evidence),
        "facts": study_facts(run, evidence),
        "dot_plot": dot_plot(run),
        "curves": curve_pictures(evidence),
        "strips": strip_picture(evidence),
        "ranks": rank_picture(ranked),
        "places": ranked,
        "sure": sum(pair.sure for pair in held),
        "pairs": len(held),
        "columns": [(column, header(run, column)) for column in shown],
        "groups": [
            ("Ranked", lines(run, run.ranked)),
            ("Not ranked", lines(run, run.unranked)),
            ("Yardsticks", lines(run, run.yardsticks)),
        ],
        "meanings": [column for column in NUMBERS if column in shown],
        "limit": limit(run),
        "claims": claims(evidence, held=held),
        "options": found_options(evidence, told),
        "sensitivities": option_cards(evidence, told),
        "failures": failures(evidence),
        "troubles": troubles(run),
        "advice": advice(run),
        "as_table": as_table(run),
        "real_card": gallery.real_card(),
        "cards": [gallery.card(s) for s in run.ranked + run.unranked],
    }
