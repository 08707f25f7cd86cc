"""What autoencoders share: rows have codes, and codes are decoded to rows."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pushforward.models.neural import NeuralSampler, in_blocks


class LatentSampler(TransformerMixin, NeuralSampler):
    """A neural sampler with an encoder and a decoder."""

    @abstractmethod
    def _codes(self, Z: torch.Tensor) -> np.ndarray:
        """The codes of encoded rows `(n, p)`, `(n, k)`."""

    def transform(self, X: Any) -> np.ndarray:
        """The codes of rows, `(n, k)`."""
        check_is_fitted(self)
        Z = self.encoding_.transform(self._check(X, reset=False))
        return self._codes(torch.as_tensor(Z, dtype=torch.float32))

    def inverse_transform(self, Z: Any) -> Any:
        """The rows D(z) that codes `(n, k)` stand for, of the kind that was fitted."""
        check_is_fitted(self)
        return self.encoding_.inverse_transform(self._decode(Z))

    def _decode(self, codes: Any) -> np.ndarray:
        return in_blocks(self.game_.decoder, torch.as_tensor(codes, dtype=torch.float32))
