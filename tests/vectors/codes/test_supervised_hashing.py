"""Codes that are trained on labels."""

import numpy as np
import pytest

from benchmarks.itq import train_itq
from catalog.vectors.codes import binary_codes, supervised_hashing
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.supervised_hashing import LabelledVectors
from tests.vectors import random_vectors

CLUSTER_COUNT, CLUSTER_SIZE = 8, 20


@pytest.fixture(scope="module")
def labelled_vectors() -> LabelledVectors:
    return LabelledVectors(
        random_vectors.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE, spread=0.9),
        np.repeat(np.arange(CLUSTER_COUNT), CLUSTER_SIZE),
    )


@pytest.fixture(scope="module")
def training_set(labelled_vectors) -> LabelledVectors:
    return labelled_vectors.of(~supervised_hashing.split_mask(labelled_vectors.labels))


@pytest.fixture(scope="module")
def layers(training_set) -> supervised_hashing.TrainedLayers:
    return supervised_hashing.train_layers(training_set, 16)


@pytest.mark.slow
def test_a_bit_is_set_where_the_sigmoid_is_above_one_half(layers, labelled_vectors):
    activations = 1 / (1 + np.exp(-(labelled_vectors.vectors @ layers.latent_weights + layers.latent_bias)))
    bits = np.unpackbits(layers.encoder().encode(labelled_vectors.vectors), axis=1)
    assert (bits == (activations > 0.5)).mean() > 0.999  # except for rounding near 0.5


@pytest.mark.slow
def test_trained_codes_rank_held_out_images_better_than_codes_without_labels(layers, labelled_vectors, training_set):
    queries = labelled_vectors.of(supervised_hashing.split_mask(labelled_vectors.labels))
    supervised = supervised_hashing.hamming_map(layers.encoder(), queries, training_set)
    assert supervised > supervised_hashing.hamming_map(train_itq(training_set.vectors, 16), queries, training_set) + 0.1
    assert (
        supervised
        > supervised_hashing.hamming_map(
            binary_codes.random_rotation(training_set.vectors.mean(axis=0), 16), queries, training_set
        )
        + 0.1
    )


@pytest.mark.slow
def test_quality_is_measured_on_held_out_images(labelled_vectors, layers):
    encoder, quality = supervised_hashing.train_encoder(labelled_vectors, 16)
    assert np.allclose(encoder.directions, layers.encoder().directions, atol=1e-4)
    assert (quality.labels, quality.held_out) == (CLUSTER_COUNT, CLUSTER_COUNT * CLUSTER_SIZE // 5)
    queries = labelled_vectors.of(supervised_hashing.split_mask(labelled_vectors.labels))
    assert quality.accuracy == pytest.approx(
        (layers.predict_labels(queries.vectors) == queries.labels).mean(), abs=0.04
    )


def test_a_fifth_of_each_label_is_held_out_and_at_least_one_image():
    labels = np.repeat([0, 1, 2], [5, 20, 7])
    mask = supervised_hashing.split_mask(labels)
    assert np.bincount(labels[mask]).tolist() == [1, 4, 1]
    assert (supervised_hashing.split_mask(labels) == mask).all()
    assert (supervised_hashing.split_mask(labels, seed=1) != mask).any()


def test_codes_equal_to_labels_rank_perfectly_and_constant_codes_rank_randomly(labelled_vectors):
    perfect = LabelledVectors(np.eye(CLUSTER_COUNT, dtype=np.float32)[labelled_vectors.labels], labelled_vectors.labels)
    encoder = BinaryEncoder(np.eye(CLUSTER_COUNT, dtype=np.float32), np.full(CLUSTER_COUNT, 0.5, np.float32))
    assert supervised_hashing.hamming_map(encoder, perfect, perfect) == 1
    constant = BinaryEncoder(np.zeros((8, CLUSTER_COUNT), np.float32), np.ones(8, np.float32))
    assert supervised_hashing.hamming_map(constant, perfect, perfect) < 0.25
