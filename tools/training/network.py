"""The network as it is trained: with batch normalisation, and a classifier on top."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from catalog.features.architectures import Architecture, Convolution
from catalog.features.preprocessing import MEANS_BGR

# About the standard deviation of ImageNet's pixels, so that the first layer is fed numbers around one.
SCALE = 58.0
DROPOUT = 0.1


class ClassifyingNetwork(nn.Module):
    """An architecture's convolutions, their last maps' mean, and one linear layer.

    Batch normalisation (Ioffe and Szegedy, ICML 2015) stands between every convolution and its ReLU, instead of
    a bias. The last pooling is left out: pooled maps of 32-pixel pictures would be single points.
    """

    def __init__(self, architecture: Architecture, classes: int) -> None:
        super().__init__()
        *layers, _ = architecture.layers()
        self.convolutions = nn.Sequential(
            OrderedDict(
                (layer.name, _normalised(layer) if isinstance(layer, Convolution) else nn.MaxPool2d(2))
                for layer in layers
            )
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(architecture.channels[-1], classes)

    def maps(self, planes: Tensor) -> Tensor:
        """float32 (N, channels, side, side), after the last ReLU, of what `network_planes` gives."""
        return self.convolutions(planes)

    def forward(self, planes: Tensor) -> Tensor:
        """A score for each class: float32 (N, classes)."""
        return self.classifier(self.dropout(self.maps(planes).mean((2, 3))))


def _normalised(layer: Convolution) -> nn.Sequential:
    convolution = nn.Conv2d(layer.inputs, layer.outputs, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")  # He et al., ICCV 2015
    return nn.Sequential(convolution, nn.BatchNorm2d(layer.outputs), nn.ReLU(inplace=True))


def network_planes(pixels: Tensor) -> Tensor:
    """uint8 (N, S, S, 3), RGB → float32 (N, 3, S, S), RGB, the means subtracted, divided by `SCALE`."""
    means = torch.from_numpy(MEANS_BGR[::-1].copy()).to(pixels.device)
    return ((pixels.float() - means) / SCALE).permute(0, 3, 1, 2)
