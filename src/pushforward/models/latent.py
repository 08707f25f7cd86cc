"""What autoencoders share: rows have codes, and codes are decoded to rows."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from pushforward.errors import InputError
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
        if not self.encoding_.width:
            return Z
        return self._codes(torch.as_tensor(Z, dtype=torch.float32))

    def inverse_transform(self, Z: Any) -> Any:
        """The rows D(z) that codes `(n, k)` stand for, of the kind that was fitted."""
        check_is_fitted(self)
        k = self.game_.decoder[0].in_features if self.encoding_.width else 0
        if np.ndim(Z) != 2 or np.shape(Z)[1] != k:
            raise InputError(f"expected codes of shape (n, {k}), got {np.shape(Z)}")
        decoded = self._decode(Z) if k else np.asarray(Z, dtype=float)
        return self.encoding_.inverse_transform(decoded)

    def _decode(self, codes: Any) -> np.ndarray:
        return in_blocks(self.game_.decoder, torch.as_tensor(codes, dtype=torch.float32))
