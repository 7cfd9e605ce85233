"""VGG16's convolutions as data: what the weights reader, the converter and the runtimes all go by.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
configuration D: thirteen 3 × 3 convolutions with ReLU, and a 2 × 2 max pooling after each of five blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CONVOLUTIONS_PER_BLOCK = (2, 2, 3, 3, 3)


@dataclass(frozen=True)
class Convolution:
    """A 3 × 3 convolution with zero padding and ReLU, from `inputs` to `outputs` channels."""

    name: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Pool:
    """A 2 × 2 max pooling with stride 2."""

    name: str


@dataclass(frozen=True)
class Architecture:
    """VGG16 with a width of its own.

    Args:
        name: how it is called in settings, file names and feature spaces.
        channels: output channels of the convolutions of each of the five blocks.
    """

    name: str
    channels: tuple[int, int, int, int, int]

    def layers(self) -> Iterator[Convolution | Pool]:
        """All eighteen layers from the input on, named as Keras names them."""
        inputs = 3
        for block, (count, outputs) in enumerate(zip(CONVOLUTIONS_PER_BLOCK, self.channels, strict=True), 1):
            for number in range(1, count + 1):
                yield Convolution(f"block{block}_conv{number}", inputs, outputs)
                inputs = outputs
            yield Pool(f"block{block}_pool")

    def convolutions(self) -> list[Convolution]:
        """The thirteen layers that have weights."""
        return [layer for layer in self.layers() if isinstance(layer, Convolution)]

    def map_shape(self, layer: str, input_size: int) -> tuple[int, int, int]:
        """Height, width and channels of the maps of `layer` for a square input of `input_size` pixels.

        Raises:
            ValueError: there is no layer of that name.
        """
        side, channels = input_size, 3
        for one in self.layers():
            if isinstance(one, Pool):
                side //= 2
            else:
                channels = one.outputs
            if one.name == layer:
                return side, side, channels
        raise ValueError(f"{self.name} has no layer {layer!r}.")


VGG16 = Architecture("vgg16", (64, 128, 256, 512, 512))
VGG16_COMPACT = Architecture("vgg16-compact", (16, 32, 64, 128, 128))

ARCHITECTURES = {architecture.name: architecture for architecture in (VGG16, VGG16_COMPACT)}
