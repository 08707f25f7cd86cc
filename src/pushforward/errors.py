"""What can go wrong, in the user's words.

Every error that a user can cause derives from `PushforwardError`; its message says what was
expected, what came, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class PushforwardError(Exception):
    """Base of everything that pushforward raises on purpose."""


class InputError(PushforwardError, ValueError):
    """Data, a parameter or an option that cannot be used as given."""


class TooRare(InputError):
    """Conditions that too few draws meet for the rows that are wanted, within the time there is.

    `acceptance` says how many did, and `rows` are those.
    """

    def __init__(self, message: str, acceptance: Any, rows: Any) -> None:
        super().__init__(message)
        self.acceptance, self.rows = acceptance, rows


class FileError(PushforwardError, OSError):
    """A file or folder that is missing, damaged, foreign or cannot be written."""


class DeviceError(PushforwardError, RuntimeError):
    """A device that was asked for and is not there."""


class Diverged(PushforwardError, ArithmeticError):
    """Training that left the finite numbers."""


class NotConverged(PushforwardError, RuntimeError):
    """Chains that do not yet have the law they are to be drawn from, and what to change."""


class StudyError(PushforwardError, RuntimeError):
    """A process or a cluster that a study runs on and that is gone; finished trials are kept."""


class DataWarning(UserWarning):
    """What comes back differs from what went in, e.g. a column that is left out."""


class TrainingWarning(UserWarning):
    """Training that did not end as it should, and what was kept."""


class EvaluationWarning(UserWarning):
    """A number that should be read with care, and why."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names, as a question to put behind what is wrong; or nothing.

    Capitals and underscores do not count.

    >>> did_you_mean("Wgan_GP", ["vae", "wgan-gp"]), did_you_mean("x", ["vae"])
    (" (did you mean 'wgan-gp'?)", '')
    """
    plain = {_plain(each): each for each in known}
    close = difflib.get_close_matches(_plain(name), plain, n=1)
    return f" (did you mean {plain[close[0]]!r}?)" if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
