"""Stand-in for torchvision: what peers import from it but do not use in what is measured.

torchgan imports it for its pictures; vectors have none, and torchgan 0.1.0 calls `make_grid` with
an argument that later versions of torchvision no longer take. pytorch-fid and torch-fidelity
import it for files of images and for networks that a distance of given features does not need.
"""

from torchvision import utils

__all__ = ["utils"]
