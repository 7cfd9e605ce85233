"""How the network is trained.

Stochastic gradient descent with Nesterov momentum; the rate rises and falls once (Smith and Topin,
"Super-Convergence", 2018, https://arxiv.org/abs/1708.07120); labels are smoothed (Szegedy et al., CVPR 2016);
pictures are small at first and grow, which saves most of the time; each is flipped and cropped by chance.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from catalog.exceptions import ImageSearchError
from tools.training.network import ClassifyingNetwork, network_planes
from tools.training.pictures import LabelledPictures

PEAK_RATE, RISING_SHARE = 0.2, 0.2
LOW_MOMENTUM, HIGH_MOMENTUM = 0.85, 0.95  # low where the rate is high
WEIGHT_DECAY, LABEL_SMOOTHING = 5e-4, 0.1
SMALLEST_CROP = 0.5  # of the area
SMALLEST_SIZE = 16  # four poolings leave one point
PICTURES_PER_CROP = 16  # crops of each picture its own were much slower


@dataclass(frozen=True)
class Stage:
    """So many epochs with pictures of `size` pixels a side."""

    size: int
    epochs: int


@dataclass(frozen=True)
class Epoch:
    """An epoch that is over: its number from 1, the size of its pictures, the mean of its losses."""

    number: int
    size: int
    loss: float


def train(
    network: ClassifyingNetwork, labelled: LabelledPictures, stages: Sequence[Stage], batch: int
) -> Iterator[Epoch]:
    """Train the network, an epoch each time the next one is asked for. Chance is torch's: seed it beforehand.

    Raises:
        ImageSearchError: the loss is no longer a number.
    """
    steps = max(1, len(labelled.labels) // batch)
    sizes = [stage.size for stage in stages for _ in range(stage.epochs)]
    optimiser = torch.optim.SGD(
        network.parameters(), lr=PEAK_RATE, momentum=HIGH_MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        PEAK_RATE,
        total_steps=max(steps * len(sizes), 6),  # at 5 its rise would take no step, and it divides by that
        pct_start=RISING_SHARE,
        base_momentum=LOW_MOMENTUM,
        max_momentum=HIGH_MOMENTUM,
    )
    for number, size in enumerate(sizes, 1):
        network.train()
        shown = tqdm(
            _batches(network, labelled, batch, steps),
            f"epoch {number}",
            steps,
            leave=False,
            disable=not sys.stderr.isatty(),
        )
        losses = []
        for pixels, labels in shown:
            losses.append(_learn(network, optimiser, varied(pixels, size), labels))
            schedule.step()
        yield Epoch(number, size, _mean(losses, number))


def _learn(network: ClassifyingNetwork, optimiser: torch.optim.SGD, planes: Tensor, labels: Tensor) -> Tensor:
    """Take one step; the loss before it."""
    loss = functional.cross_entropy(network(planes), labels, label_smoothing=LABEL_SMOOTHING)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _mean(losses: list[Tensor], epoch: int) -> float:
    mean = torch.stack(losses).mean().item()
    if not math.isfinite(mean):
        raise ImageSearchError(
            "Training went astray in epoch {epoch}: the loss is {loss}. Try another --seed or a larger --batch.",
            epoch=epoch,
            loss=mean,
        )
    return mean


def _batches(network: nn.Module, labelled: LabelledPictures, batch: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The pictures in an order of chance. The remainder waits for another epoch: few make poor statistics."""
    device = next(network.parameters()).device
    pixels, labels = torch.from_numpy(labelled.pixels), torch.from_numpy(labelled.labels)
    for chosen in torch.randperm(len(labels)).split(batch)[:count]:
        yield pixels[chosen].to(device), labels[chosen].to(device)


def varied(pixels: Tensor, size: int) -> Tensor:
    """Each picture flipped or not, cropped to a square, and resized, by chance.

    Args:
        pixels: uint8 (N, S, S, 3), RGB.

    Returns:
        float32 (N, 3, size, size), as `network_planes` scales it.
    """
    flipped = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < 0.5
    planes = network_planes(torch.where(flipped, pixels.flip(2), pixels))
    crops = torch.cat([_cropped(some, size) for some in planes.split(PICTURES_PER_CROP)])
    return crops.contiguous(memory_format=torch.channels_last)


def _cropped(planes: Tensor, size: int) -> Tensor:
    whole = planes.shape[-1]
    area, left, top = torch.rand(3).tolist()
    side = int(whole * math.sqrt(SMALLEST_CROP + (1 - SMALLEST_CROP) * area))
    x, y = int(left * (whole - side + 1)), int(top * (whole - side + 1))
    crop = planes[:, :, y : y + side, x : x + side]
    return functional.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)


def top_1(network: ClassifyingNetwork, labelled: LabelledPictures, batch: int) -> float:
    """The share of the pictures whose class has the highest score, whole and at the size they are kept in."""
    device = next(network.parameters()).device
    pixels, labels = torch.from_numpy(labelled.pixels), torch.from_numpy(labelled.labels)
    network.eval()
    with torch.inference_mode():
        scores = [network(network_planes(some.to(device))).cpu() for some in pixels.split(batch)]
    return (torch.cat(scores).argmax(1) == labels).float().mean().item()
