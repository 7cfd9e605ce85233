"""The architectures of the networks, as data for the weights reader, the conversion and the runtimes.

VGG16: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
configuration D: thirteen 3 × 3 convolutions with ReLU, and a 2 × 2 max pooling after each of five blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CONVOLUTIONS_PER_BLOCK = (2, 2, 3, 3, 3)


@dataclass(frozen=True)
class Convolution:
    """A 3 × 3 convolution with zero padding and ReLU, from `in_channels` to `out_channels` channels."""

    name: str
    in_channels: int
    out_channels: int


@dataclass(frozen=True)
class MaxPooling:
    """A 2 × 2 max pooling with stride 2."""

    name: str


@dataclass(frozen=True)
class Architecture:
    """VGG16, with a configurable number of channels.

    Attributes:
        name: the name in settings, file names and feature spaces.
        channels: output channels of the convolutions in each of the five blocks.
    """

    name: str
    channels: tuple[int, int, int, int, int]

    def layers(self) -> Iterator[Convolution | MaxPooling]:
        """Yield all eighteen layers, starting at the input, with the names that Keras gives them."""
        in_channels = 3
        for block, (count, out_channels) in enumerate(zip(CONVOLUTIONS_PER_BLOCK, self.channels, strict=True), 1):
            for index in range(1, count + 1):
                yield Convolution(f"block{block}_conv{index}", in_channels, out_channels)
                in_channels = out_channels
            yield MaxPooling(f"block{block}_pool")

    def convolutions(self) -> list[Convolution]:
        """Return the thirteen layers that have weights."""
        return [layer for layer in self.layers() if isinstance(layer, Convolution)]

    def feature_map_shape(self, layer_name: str, input_size: int) -> tuple[int, int, int]:
        """Return height, width and channels of the feature maps of a layer, for a square input of `input_size` pixels.

        Raises:
            ValueError: there is no layer of that name.
        """
        side, channels = input_size, 3
        for current_layer in self.layers():
            if isinstance(current_layer, MaxPooling):
                side //= 2
            else:
                channels = current_layer.out_channels
            if current_layer.name == layer_name:
                return side, side, channels
        raise ValueError(f"{self.name} has no layer {layer_name!r}.")


VGG16 = Architecture("vgg16", (64, 128, 256, 512, 512))
VGG16_COMPACT = Architecture("vgg16-compact", (16, 32, 64, 128, 128))

ARCHITECTURES = {architecture.name: architecture for architecture in (VGG16, VGG16_COMPACT)}
