"""The training procedure.

Stochastic gradient descent with Nesterov momentum and the one-cycle learning rate (Smith and Topin,
"Super-Convergence", 2018, https://arxiv.org/abs/1708.07120); label smoothing (Szegedy et al., CVPR 2016);
progressive resizing, which saves most of the time; random flips and crops.
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

PEAK_LEARNING_RATE, WARMUP_FRACTION = 0.2, 0.2
LOW_MOMENTUM, HIGH_MOMENTUM = 0.85, 0.95  # the momentum is low while the learning rate is high
WEIGHT_DECAY, LABEL_SMOOTHING = 5e-4, 0.1
MIN_CROP_AREA = 0.5  # fraction of the area of the picture
MIN_INPUT_SIZE = 16  # after four poolings, one location is left
PICTURES_PER_CROP = 16  # separate crops for each picture were much slower


@dataclass(frozen=True)
class Stage:
    """A number of epochs with pictures of `size` × `size` pixels."""

    size: int
    epochs: int


@dataclass(frozen=True)
class Epoch:
    """A completed epoch: its number, starting at 1, the input size in pixels, and the mean loss."""

    number: int
    size: int
    loss: float


def train(
    network: ClassifyingNetwork, labelled: LabelledPictures, stages: Sequence[Stage], batch: int
) -> Iterator[Epoch]:
    """Train the network. Yields after each epoch. Uses the global random generator of PyTorch.

    Raises:
        ImageSearchError: the loss is infinite or NaN.
    """
    steps = max(1, len(labelled.labels) // batch)
    sizes = [stage.size for stage in stages for _ in range(stage.epochs)]
    optimiser = torch.optim.SGD(
        network.parameters(), lr=PEAK_LEARNING_RATE, momentum=HIGH_MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        PEAK_LEARNING_RATE,
        total_steps=max(steps * len(sizes), 6),  # with 5, the warm-up has no step: division by zero
        pct_start=WARMUP_FRACTION,
        base_momentum=LOW_MOMENTUM,
        max_momentum=HIGH_MOMENTUM,
    )
    for number, size in enumerate(sizes, 1):
        network.train()
        batches = tqdm(
            _batches(network, labelled, batch, steps),
            f"epoch {number}",
            steps,
            leave=False,
            disable=not sys.stderr.isatty(),
        )
        losses = []
        for pixels, labels in batches:
            losses.append(_training_step(network, optimiser, augment(pixels, size), labels))
            schedule.step()
        yield Epoch(number, size, _mean(losses, number))


def _training_step(network: ClassifyingNetwork, optimiser: torch.optim.SGD, planes: Tensor, labels: Tensor) -> Tensor:
    """Run one optimisation step. Return the loss before it."""
    loss = functional.cross_entropy(network(planes), labels, label_smoothing=LABEL_SMOOTHING)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.detach()


def _mean(losses: list[Tensor], epoch: int) -> float:
    mean = torch.stack(losses).mean().item()
    if not math.isfinite(mean):
        raise ImageSearchError(
            "The training diverged in epoch {epoch}: the loss is {loss}. Try another --seed or a larger --batch.",
            epoch=epoch,
            loss=mean,
        )
    return mean


def _batches(network: nn.Module, labelled: LabelledPictures, batch: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield random batches. An incomplete batch is dropped, because batch normalisation needs enough pictures."""
    device = next(network.parameters()).device
    pixels, labels = torch.from_numpy(labelled.pixels), torch.from_numpy(labelled.labels)
    for indices in torch.randperm(len(labels)).split(batch)[:count]:
        yield pixels[indices].to(device), labels[indices].to(device)


def augment(pixels: Tensor, size: int) -> Tensor:
    """Flip, crop and resize pictures randomly.

    Args:
        pixels: uint8 (N, S, S, 3), RGB.

    Returns:
        float32 (N, 3, size, size), normalised like the output of `network_planes`.
    """
    flipped = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < 0.5
    planes = network_planes(torch.where(flipped, pixels.flip(2), pixels))
    crops = torch.cat([_random_crop(subset, size) for subset in planes.split(PICTURES_PER_CROP)])
    return crops.contiguous(memory_format=torch.channels_last)


def _random_crop(planes: Tensor, size: int) -> Tensor:
    full_side = planes.shape[-1]
    area, left, top = torch.rand(3).tolist()
    side = int(full_side * math.sqrt(MIN_CROP_AREA + (1 - MIN_CROP_AREA) * area))
    x, y = int(left * (full_side - side + 1)), int(top * (full_side - side + 1))
    crop = planes[:, :, y : y + side, x : x + side]
    return functional.interpolate(crop, size=(size, size), mode="bilinear", antialias=True)


def top_1_accuracy(network: ClassifyingNetwork, labelled: LabelledPictures, batch: int) -> float:
    """Return the fraction of pictures whose class has the highest score, without augmentation."""
    device = next(network.parameters()).device
    pixels, labels = torch.from_numpy(labelled.pixels), torch.from_numpy(labelled.labels)
    network.eval()
    with torch.inference_mode():
        scores = [network(network_planes(chunk.to(device))).cpu() for chunk in pixels.split(batch)]
    return (torch.cat(scores).argmax(1) == labels).float().mean().item()
