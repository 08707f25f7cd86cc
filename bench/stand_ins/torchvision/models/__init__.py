"""The networks that peers name when they are imported; none of them is built."""

from torchvision.models import inception

__all__ = ["VGG16_Weights", "inception", "resnet50", "vgg16"]


class VGG16_Weights: ...


def resnet50() -> None: ...


def vgg16() -> None: ...
