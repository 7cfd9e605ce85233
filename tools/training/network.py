"""The network during training: with batch normalisation and a classifier."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from catalog.features.networks import Architecture, Convolution
from catalog.features.preprocessing import MEANS_BGR

# About the standard deviation of ImageNet pixels, so that the network input has a variance of about 1.
SCALE = 58.0
DROPOUT = 0.1


class ClassifyingNetwork(nn.Module):
    """The convolutions of an architecture, a global mean pooling and a linear layer.

    Each convolution has batch normalisation (Ioffe and Szegedy, ICML 2015) instead of a bias. The last max pooling is
    omitted: it would reduce the feature maps of 32-pixel pictures to a single location.
    """

    def __init__(self, architecture: Architecture, classes: int) -> None:
        super().__init__()
        *layers, _ = architecture.layers()
        self.convolutions = nn.Sequential(
            OrderedDict(
                (layer.name, _convolution_with_norm(layer) if isinstance(layer, Convolution) else nn.MaxPool2d(2))
                for layer in layers
            )
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(architecture.channels[-1], classes)

    def maps(self, planes: Tensor) -> Tensor:
        """Return the last feature maps, float32 (N, channels, side, side), for the output of `network_planes`."""
        return self.convolutions(planes)

    def forward(self, planes: Tensor) -> Tensor:
        """Return a score for each class: float32 (N, classes)."""
        return self.classifier(self.dropout(self.maps(planes).mean((2, 3))))


def _convolution_with_norm(layer: Convolution) -> nn.Sequential:
    convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")  # He et al., ICCV 2015
    return nn.Sequential(convolution, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True))


def network_planes(pixels: Tensor) -> Tensor:
    """Convert RGB uint8 (N, S, S, 3) to RGB float32 (N, 3, S, S), normalised by the means and `SCALE`."""
    means = torch.from_numpy(MEANS_BGR[::-1].copy()).to(pixels.device)
    return ((pixels.float() - means) / SCALE).permute(0, 3, 1, 2)
