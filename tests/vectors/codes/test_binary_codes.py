"""Binary codes, with which searches select candidates."""

import numpy as np
import pytest

from catalog.vectors.codes.binary_codes import BinaryEncoder, random_rotation
from tests.vectors.random_vectors import clustered_vectors


def hamming_distances(codes: np.ndarray) -> np.ndarray:
    """Return the distances of all pairs: int, n × n."""
    bits = np.unpackbits(codes, axis=1).astype(int)
    return np.abs(bits[:, np.newaxis] - bits).sum(axis=2)


def test_a_bit_is_set_for_descriptors_above_its_threshold():
    encoder = BinaryEncoder(np.eye(16, dtype=np.float32), np.full(16, 0.5, np.float32))
    rows = np.zeros((2, 16), np.float32)
    rows[0, [0, 9]] = 1
    assert np.unpackbits(encoder.encode(rows), axis=1)[0].nonzero()[0].tolist() == [0, 9]
    assert not encoder.encode(rows)[1].any()
    assert encoder.encode(rows).shape == (2, 2)


@pytest.mark.parametrize("bits", [48, 128, 256])
def test_the_share_of_different_bits_is_proportional_to_the_angle(bits):
    rows = clustered_vectors(10, 10)
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    angles = np.arccos((rows @ rows.T).clip(-1, 1))
    distances = hamming_distances(random_rotation(np.zeros(rows.shape[1], np.float32), bits).encode(rows))
    pairs = np.triu_indices(len(rows), 1)
    assert np.abs(distances / bits - angles / np.pi)[pairs].mean() < 0.5 / np.sqrt(bits)


def test_directions_are_orthogonal_in_groups_as_large_as_the_dimensions():
    directions = random_rotation(np.zeros(64, np.float32), 128).directions
    for group in (directions[:64], directions[64:]):
        np.testing.assert_allclose(group @ group.T, np.eye(64), atol=1e-5)


def test_the_same_seed_gives_the_same_directions():
    origin = np.zeros(16, np.float32)
    first, second, other = (random_rotation(origin, 32, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.directions, second.directions)
    assert not np.array_equal(first.directions, other.directions)


def test_each_bit_is_set_for_about_half_of_the_descriptors_around_the_mean():
    rows = clustered_vectors(20, 20)  # all have a component in common
    shares = np.unpackbits(random_rotation(rows.mean(axis=0), 64).encode(rows), axis=1).mean(axis=0)
    assert np.abs(shares - 0.5).mean() < 0.1
    origin = np.zeros(rows.shape[1], np.float32)
    shares_around_origin = np.unpackbits(random_rotation(origin, 64).encode(rows), axis=1).mean(axis=0)
    assert np.abs(shares_around_origin - 0.5).mean() > 0.2


def test_an_encoder_is_serialised_completely():
    encoder = BinaryEncoder(random_rotation(np.zeros(16, np.float32), 48).directions, np.arange(48, dtype=np.float32))
    again = BinaryEncoder.from_bytes(encoder.as_bytes(), 48)
    np.testing.assert_array_equal(again.directions, encoder.directions)
    np.testing.assert_array_equal(again.thresholds, encoder.thresholds)
    with pytest.raises(ValueError, match="reshape"):
        BinaryEncoder.from_bytes(encoder.as_bytes()[:-4], 48)
