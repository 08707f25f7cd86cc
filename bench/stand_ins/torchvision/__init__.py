"""Stand-in for torchvision: the part that torchgan calls when it trains on vectors.

torchgan imports torchvision for its pictures. Vectors have none, and torchgan 0.1.0 calls
`make_grid` with an argument that later versions of torchvision no longer take.
"""

from torchvision import utils

__all__ = ["utils"]
