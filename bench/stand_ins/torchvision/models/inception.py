"""Names that pytorch-fid derives classes from; none of them is built."""

from torch import nn


class InceptionA(nn.Module): ...


class InceptionC(nn.Module): ...


class InceptionE(nn.Module): ...
