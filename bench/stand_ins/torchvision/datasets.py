"""Names that torch-fidelity imports; nothing here can be loaded."""


class CIFAR10: ...


class CIFAR100: ...


class STL10: ...
