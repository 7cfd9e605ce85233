"""Codes learned from labels: a latent sigmoid layer between descriptors and labels, cut at a half.

Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", section 3.2, but for the convolutions:
these stay as they are, and what is trained is the latent layer and the softmax over labels on top of it, from stored
descriptors, in Keras.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from catalog.quiet_keras import import_quietly
from catalog.vectors import metrics
from catalog.vectors.codes import Coder

BITS = 48
# A label that fewer images have teaches nothing that could be asked.
ENOUGH = 5
# Of each label's images, so many are held out to ask.
HELD_OUT = 0.2
# Measured by `benchmarks.codes`: see docs/quality.md.
EPOCHS = 100
BATCH = 64
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1.0
# How deep a ranking counts, as in the paper.
AT = 1000


class Labelled(NamedTuple):
    """Descriptors, float32, n × d, of unit length, as they are compared; and the label of each, int64, n."""

    vectors: np.ndarray
    labels: np.ndarray

    def of(self, chosen: np.ndarray) -> "Labelled":
        return Labelled(self.vectors[chosen], self.labels[chosen])


@dataclass(frozen=True)
class Quality:
    """What codes are worth for images that did not teach them.

    Attributes:
        labels: how many different ones taught.
        held_out: how many images were asked.
        accuracy: the share of these that the layer on top gives their own label.
        map: their mAP@1000 against those that taught, by Hamming distance alone.
    """

    labels: int
    held_out: int
    accuracy: float
    map: float


@dataclass(frozen=True)
class Layers:
    """The two trained layers: float32, d × bits and bits; bits × labels and labels."""

    latent: np.ndarray
    latent_bias: np.ndarray
    top: np.ndarray
    top_bias: np.ndarray

    def coder(self) -> Coder:
        """A bit is set where the sigmoid is above a half, which is where what it is of is above nought."""
        return Coder(np.ascontiguousarray(self.latent.T), -self.latent_bias)

    def labels_of(self, vectors: np.ndarray) -> np.ndarray:
        """The likeliest label of each: int64, n."""
        activations = 1 / (1 + np.exp(-(vectors @ self.latent + self.latent_bias)))
        return (activations @ self.top + self.top_bias).argmax(axis=1)


def learn(all_: Labelled, bits: int = BITS, *, seed: int = 0) -> tuple[Coder, Quality]:
    """Train on four fifths of each label's images, and ask with the last.

    Imports TensorFlow: to be called in a process of its own.

    Args:
        all_: of each label ENOUGH images or more; labels are numbered from 0 on.
    """
    out = held_out(all_.labels, seed=seed)
    taught, asking = all_.of(~out), all_.of(out)
    layers = train(taught, bits, seed=seed)
    coder = layers.coder()
    accuracy = float((layers.labels_of(asking.vectors) == asking.labels).mean())
    found = hamming_map(coder, asking, taught)
    return coder, Quality(int(all_.labels.max()) + 1, len(asking.labels), round(accuracy, 4), round(found, 4))


def held_out(labels: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Which images are to ask: bool, n; HELD_OUT of each label's, one at least."""
    chance = np.random.default_rng(seed)
    out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        its = chance.permutation(np.flatnonzero(labels == label))
        out[its[: max(1, round(len(its) * HELD_OUT))]] = True
    return out


def train(taught: Labelled, bits: int, *, seed: int = 0) -> Layers:
    """The same descriptors give the same layers, on the same machine."""
    keras, _ = import_quietly()
    keras.utils.set_random_seed(seed)
    dimensions = taught.vectors.shape[1]
    # So that each dimension varies by about one, which the usual initial weights are meant for.
    scale = np.float32(np.sqrt(dimensions))
    model = keras.Sequential(
        [
            keras.Input((dimensions,)),
            keras.layers.Dense(bits, activation="sigmoid"),
            keras.layers.Dense(int(taught.labels.max()) + 1, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(taught.vectors * scale, taught.labels, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    latent, latent_bias, top, top_bias = model.get_weights()
    return Layers(latent * scale, latent_bias, top, top_bias)


def hamming_map(coder: Coder, asking: Labelled, catalogue: Labelled, *, seed: int = 0) -> float:
    """mAP@1000 of the images that ask, the catalogue ranked by Hamming distance alone, ties in random order.

    An image is relevant that has the same label. As in the paper, precisions are averaged over what is found.
    """
    catalogue = catalogue.of(np.random.default_rng(seed).permutation(len(catalogue.labels)))
    codes = coder.encode(catalogue.vectors)
    precisions = []
    for code, label in zip(coder.encode(asking.vectors), asking.labels, strict=True):
        distances = np.bitwise_count(codes ^ code).sum(axis=1)
        ranked = np.argsort(distances, kind="stable")[:AT]
        precisions.append(metrics.average_precision(catalogue.labels[ranked] == label))
    return float(np.mean(precisions))
