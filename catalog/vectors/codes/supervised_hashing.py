"""Codes trained on labels: a latent sigmoid layer between descriptors and labels, with bits thresholded at 0.5.

Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", section 3.2. Unlike in the paper, the
convolutional layers are not fine-tuned: Keras trains the latent layer and a softmax layer on stored descriptors.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from catalog.keras_import import import_keras
from catalog.vectors import metrics
from catalog.vectors.codes.binary_codes import BinaryEncoder

DEFAULT_BITS = 48
# Labels with fewer images are not used: too few would remain for training and for the test.
MIN_IMAGES_PER_LABEL = 5
# Share of each label's images that is held out as test queries.
TEST_FRACTION = 0.2
# Chosen with `benchmarks.codes`; see docs/quality.md.
EPOCHS = 100
BATCH_SIZE = 64
LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1.0
# mAP@1000, as in the paper.
MAP_DEPTH = 1000


class LabelledVectors(NamedTuple):
    """Descriptors with their labels.

    Attributes:
        vectors: projected descriptors, float32, n × d, of unit length.
        labels: the label of each, int64, n.
    """

    vectors: np.ndarray
    labels: np.ndarray

    def of(self, rows: np.ndarray) -> "LabelledVectors":
        """Return the rows that an index array or a mask selects."""
        return LabelledVectors(self.vectors[rows], self.labels[rows])


@dataclass(frozen=True)
class CodeQuality:
    """The quality of codes, measured with held-out images.

    Attributes:
        labels: the number of different labels in the training set.
        held_out: the number of held-out images.
        accuracy: the share of held-out images whose label the softmax layer predicts.
        map: mAP@1000 of the held-out images as queries against the training set, ranked by Hamming distance alone.
    """

    labels: int
    held_out: int
    accuracy: float
    map: float


@dataclass(frozen=True)
class TrainedLayers:
    """The two trained layers, all float32.

    Attributes:
        latent_weights: d × bits.
        latent_bias: bits.
        output_weights: bits × labels.
        output_bias: labels.
    """

    latent_weights: np.ndarray
    latent_bias: np.ndarray
    output_weights: np.ndarray
    output_bias: np.ndarray

    def encoder(self) -> BinaryEncoder:
        """Return the encoder of the latent layer. A sigmoid is above 0.5 where its argument is positive."""
        return BinaryEncoder(np.ascontiguousarray(self.latent_weights.T), -self.latent_bias)

    def predict_labels(self, vectors: np.ndarray) -> np.ndarray:
        """Return the most probable label of each vector: int64, n."""
        activations = 1 / (1 + np.exp(-(vectors @ self.latent_weights + self.latent_bias)))
        return (activations @ self.output_weights + self.output_bias).argmax(axis=1)


def train_encoder(
    dataset: LabelledVectors, bits: int = DEFAULT_BITS, *, seed: int = 0
) -> tuple[BinaryEncoder, CodeQuality]:
    """Train an encoder on four fifths of each label's images, and measure its quality with the rest.

    This imports TensorFlow, so call it in a separate process.

    Args:
        dataset: MIN_IMAGES_PER_LABEL or more images of each label. Labels are numbered from 0.
    """
    test_mask = split_mask(dataset.labels, seed=seed)
    training_set, test_set = dataset.of(~test_mask), dataset.of(test_mask)
    layers = train_layers(training_set, bits, seed=seed)
    encoder = layers.encoder()
    accuracy = float((layers.predict_labels(test_set.vectors) == test_set.labels).mean())
    mean_average_precision = hamming_map(encoder, test_set, training_set)
    return encoder, CodeQuality(
        int(dataset.labels.max()) + 1, len(test_set.labels), round(accuracy, 4), round(mean_average_precision, 4)
    )


def split_mask(labels: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Select held-out images: bool, n. TEST_FRACTION of each label's images are True, at least one."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        positions = rng.permutation(np.flatnonzero(labels == label))
        mask[positions[: max(1, round(len(positions) * TEST_FRACTION))]] = True
    return mask


def train_layers(training_set: LabelledVectors, bits: int, *, seed: int = 0) -> TrainedLayers:
    """Train the two layers. On one machine, the same descriptors give the same layers."""
    keras, _ = import_keras()
    keras.utils.set_random_seed(seed)
    dimensions = training_set.vectors.shape[1]
    # Scale dimensions to a variance of about 1, which the default weight initialisation assumes.
    scale = np.float32(np.sqrt(dimensions))
    model = keras.Sequential(
        [
            keras.Input((dimensions,)),
            keras.layers.Dense(bits, activation="sigmoid"),
            keras.layers.Dense(int(training_set.labels.max()) + 1, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(training_set.vectors * scale, training_set.labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0)
    latent_weights, latent_bias, output_weights, output_bias = model.get_weights()
    return TrainedLayers(latent_weights * scale, latent_bias, output_weights, output_bias)


def hamming_map(
    encoder: BinaryEncoder, queries: LabelledVectors, catalogue: LabelledVectors, *, seed: int = 0
) -> float:
    """Return the mAP@1000 of `queries`, with `catalogue` ranked by Hamming distance alone and ties in random order.

    Images with the same label are relevant. As in the paper, precision is averaged over the relevant images found.
    """
    catalogue = catalogue.of(np.random.default_rng(seed).permutation(len(catalogue.labels)))
    codes = encoder.encode(catalogue.vectors)
    precisions = []
    for code, label in zip(encoder.encode(queries.vectors), queries.labels, strict=True):
        distances = np.bitwise_count(codes ^ code).sum(axis=1)
        ranked = np.argsort(distances, kind="stable")[:MAP_DEPTH]
        precisions.append(metrics.average_precision(catalogue.labels[ranked] == label))
    return float(np.mean(precisions))
