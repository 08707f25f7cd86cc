"""Image to image: down, residual blocks, up again."""

from __future__ import annotations

from torch import Tensor, nn

from pushforward.networks.convolutional import Norm


def instance_norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, affine=True)


class ResidualBlock(nn.Module):
    """x ↦ x + f(x), f two 3×3 convolutions with a norm after each: He et al. 2016."""

    def __init__(self, channels: int, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
            norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Translator(nn.Sequential):
    """Images `(n, c_in, h, w)` to images `(n, c_out, h, w)` in [−1, 1].

    A 7×7 convolution, `halvings` that halve the image and double the channels, residual `blocks`,
    as many convolutions that double it, a 7×7 one and tanh: the generator of CycleGAN (Johnson et
    al. 2016; Zhu et al. 2017, arXiv:1703.10593, appendix 7.2, with 6 blocks for 128 pixels). Sides
    must be multiples of 2^halvings.

    >>> Translator(1, 3, width=8)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 3, 28, 28])
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        width: int = 64,
        halvings: int = 2,
        blocks: int = 6,
        norm: Norm = instance_norm,
    ) -> None:
        def same(a: int, b: int) -> nn.Module:
            return nn.Conv2d(a, b, 7, padding=3, padding_mode="reflect")

        layers: list[nn.Module] = [same(c_in, width), norm(width), nn.ReLU()]
        count = width
        for _ in range(halvings):
            layers += [nn.Conv2d(count, 2 * count, 3, 2, 1), norm(2 * count), nn.ReLU()]
            count *= 2
        layers += [ResidualBlock(count, norm) for _ in range(blocks)]
        for _ in range(halvings):
            doubled = nn.ConvTranspose2d(count, count // 2, 3, 2, 1, output_padding=1)
            layers += [doubled, norm(count // 2), nn.ReLU()]
            count //= 2
        super().__init__(*layers, same(count, c_out), nn.Tanh())
