"""What holds a training whole: going on from it is as if it had never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pushforward.errors import FileError
from pushforward.safekeeping import is_kept, recall
from pushforward.training.adaptors import Stateful


class Checkpoint:
    """The state of everything that training carries, under one fingerprint.

    The fingerprint tells what is trained on what; a file with another one belongs to another run
    and is refused.
    """

    def __init__(self, fingerprint: dict[str, Any], parts: dict[str, Stateful]) -> None:
        self.fingerprint, self.parts = fingerprint, parts

    def state(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self.parts.items()}
        return {"fingerprint": self.fingerprint, "parts": parts}

    def resume(self, path: Path) -> bool:
        """Go back to what is kept at `path`; False when there is nothing.

        Raises:
            FileError: the newest file and the one before are damaged, or hold another training.
        """
        if not is_kept(path):
            return False
        state = recall(path)
        if state.get("fingerprint") != self.fingerprint:
            known = state.get("fingerprint") or {}
            other = [k for k, v in self.fingerprint.items() if known.get(k) != v]
            raise FileError(
                f"{path} holds the training of another run (different: {', '.join(other)}); "
                "choose another folder, or delete that file to start anew"
            )
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])
        return True
