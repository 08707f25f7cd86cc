"""Encoded rows of what is on disk, read in an order that a seed gives, with bounded memory.

An epoch goes through all blocks of the rows in a random order. As many blocks as make up a window
are read and encoded at once, and their rows mixed. What stands at a place of this endless order
follows from the seed alone: a cursor is one number, and threads that read ahead change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pushforward.data.encoded_rows import EncodedRows

WINDOW_BYTES = 2**26  # of encoded rows, float32, that are mixed at once

Order = tuple[list[NDArray[np.int64]], NDArray[np.int64]]


class Windows:
    """A table of encoded rows `(n, p)` that are on disk, as the loop takes them: by their places.

    Place g is that of row g mod n of the order of epoch g // n.
    """

    def __init__(self, rows: EncodedRows, seed: int, device: torch.device) -> None:
        self.rows, self.seed, self.device = rows, seed, device
        self.sizes = rows.sizes()
        self.most = max(1, WINDOW_BYTES // (4 * rows.shape[1]))  # rows of a window
        self.pool = ThreadPoolExecutor(rows.rows.workers) if rows.rows.workers else None
        self.read: dict[tuple[int, int], Future[NDArray[np.float32]]] = {}
        self.epochs: dict[int, Order] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice) -> Tensor:
        """The first rows as they lie on disk, to look at."""
        most = min(len(self.rows.rows), rows.stop + len(self.rows.without))
        numbers = np.arange(most)
        numbers = np.setdiff1d(numbers, self.rows.without, assume_unique=True)[rows]
        return self._tensor(self.rows.take(numbers))

    def index_select(self, dim: int, places: Tensor) -> Tensor:  # noqa: ARG002
        """The rows at these places, `(len(places), p)`."""
        epochs, within = np.divmod(places.cpu().numpy(), len(self))
        Z = np.empty((len(places), self.rows.shape[1]), dtype=np.float32)
        keys: list[tuple[int, int]] = []
        for epoch in np.unique(epochs):
            _, starts = self.epoch(int(epoch))
            windows = np.searchsorted(starts, within, side="right") - 1
            for w in np.unique(windows[epochs == epoch]):
                keys.append((int(epoch), int(w)))
                here = (epochs == epoch) & (windows == w)
                Z[here] = self._window(keys[-1])[within[here] - starts[w]]
        self._read_ahead(keys)
        return self._tensor(Z)

    def _tensor(self, Z: NDArray) -> Tensor:
        return torch.as_tensor(Z, dtype=torch.float32, device=self.device)

    def epoch(self, number: int) -> Order:
        """The blocks of each window of an epoch, and the place within it where each begins."""
        known = self.epochs.get(number)
        if known is None:
            known = self._drawn(number)
            self.epochs = {k: order for k, order in self.epochs.items() if abs(k - number) < 2}
            self.epochs[number] = known
        return known

    def _drawn(self, number: int) -> Order:
        order = np.random.default_rng([self.seed, number]).permutation(len(self.sizes))
        ends = self.sizes[order].cumsum()
        begins = ends - self.sizes[order]
        first = np.unique(begins // self.most, return_index=True)[1]
        return np.split(order, first[1:]), begins[first]

    def _window(self, key: tuple[int, int]) -> NDArray[np.float32]:
        if key not in self.read:
            self._start(key)
        return self.read[key].result()

    def _start(self, key: tuple[int, int]) -> None:
        if self.pool is not None:
            self.read[key] = self.pool.submit(self._mixed, key)
            return
        self.read[key] = Future()
        self.read[key].set_result(self._mixed(key))

    def _mixed(self, key: tuple[int, int]) -> NDArray[np.float32]:
        """The rows of a window, read, encoded, and in random order."""
        blocks = self.epoch(key[0])[0][key[1]]
        order = np.random.default_rng([self.seed, *key]).permutation(int(self.sizes[blocks].sum()))
        Z = np.empty((len(order), self.rows.shape[1]), dtype=np.float32)
        end = 0
        for block in blocks[self.sizes[blocks] > 0]:
            part = self.rows.read(int(block))
            Z[order[end : end + len(part)]] = part
            end += len(part)
        return Z

    def _read_ahead(self, keys: Sequence[tuple[int, int]]) -> None:
        """Begin with the windows after these, and forget those before."""
        ahead, (epoch, window) = [], max(keys)
        for _ in range(self.rows.rows.workers):
            window += 1
            if window == len(self.epoch(epoch)[1]):
                epoch, window = epoch + 1, 0
            ahead.append((epoch, window))
        for key in set(self.read) - {*keys, *ahead}:
            del self.read[key]
        for key in ahead:
            if key not in self.read:
                self._start(key)


class SideBySide:
    """Rows of two tables on disk side by side; each goes through its own endless order."""

    def __init__(self, first: Windows, second: Windows) -> None:
        self.first, self.second, self.device = first, second, first.device

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: slice) -> Tensor:
        """Some rows, to look at."""
        return self.index_select(0, torch.arange(rows.stop)[rows])

    def index_select(self, dim: int, places: Tensor) -> Tensor:
        """The rows at these places, `(len(places), p + q)`."""
        return torch.cat([t.index_select(dim, places) for t in (self.first, self.second)], 1)


class Places:
    """Places of an endless order, batch after batch; the cursor is the next one."""

    def __init__(self, n_rows: int, batch_size: int) -> None:
        self.batch_size = min(batch_size, n_rows)
        self.position = 0

    def take(self, n_batches: int) -> Tensor:
        """Of the next batches, `(n_batches, batch_size)`."""
        first, self.position = self.position, self.position + n_batches * self.batch_size
        return torch.arange(first, self.position).reshape(n_batches, self.batch_size)

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.position = state["position"]
