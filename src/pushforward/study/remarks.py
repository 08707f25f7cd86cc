"""What fits and samples had to be told of, merged over the repeats of each method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pushforward.study.ranking import Row


@dataclass(frozen=True)
class Remark:
    """A finding of one method: what was seen, what to change, and in how many repeats."""

    method: str
    name: str
    sentence: str  # of the first repeat that has it; numbers differ
    repeats: int  # that have it
    of: int  # in all

    @property
    def where(self) -> str:
        """In how many repeats, as in a sentence; nothing where there is one only.

        >>> Remark("gan", "UNDER_TRAINED", "", repeats=2, of=3).where
        'in 2 of 3 repeats, for example'
        """
        if self.of == 1:
            return ""
        many = "every repeat" if self.repeats == self.of else f"{self.repeats} of {self.of} repeats"
        return f"in {many}" + (", for example" if self.repeats > 1 else "")

    def __str__(self) -> str:
        return f"{self.where[:1].upper()}{self.where[1:]}: {self.sentence}".removeprefix(": ")


def remarks(rows: Iterable[Row]) -> list[Remark]:
    """The findings of all methods, in the order of the rows; the same in several repeats is one.

    >>> rows = [{"method": "gan", "kind": "method", "diagnosis": []} for _ in range(2)]
    >>> rows[1]["diagnosis"] = [{"name": "UNDER_TRAINED", "sentence": "Give it more rounds."}]
    >>> print(remarks(rows)[0])
    In 1 of 2 repeats: Give it more rounds.
    """
    rows = [row for row in rows if row["kind"] == "method"]
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for finding in row.get("diagnosis", []):  # folders of before have none
            key = (row["method"], finding["name"])
            found.setdefault(key, []).append(finding["sentence"])
    finished = [row["method"] for row in rows]
    return [
        Remark(method, name, said[0], len(said), finished.count(method))
        for (method, name), said in found.items()
    ]
