"""Binary codes: what stands for a descriptor when candidates are chosen."""

import numpy as np
import pytest

from catalog.vectors.codes import Coder, quantised, rotated
from tests.described import kinds


def hamming(codes: np.ndarray) -> np.ndarray:
    """Distances of all pairs: int, n × n."""
    bits = np.unpackbits(codes, axis=1).astype(int)
    return np.abs(bits[:, np.newaxis] - bits).sum(axis=2)


def error(coder: Coder, rows: np.ndarray) -> float:
    """How far rows lie from the corners that their codes stand for: Gong & Lazebnik's quantisation loss."""
    placed = rows @ coder.directions.T - coder.thresholds
    return float(((np.sign(placed) - placed) ** 2).mean())


def test_a_bit_says_on_which_side_of_its_threshold_a_descriptor_lies():
    coder = Coder(np.eye(16, dtype=np.float32), np.full(16, 0.5, np.float32))
    rows = np.zeros((2, 16), np.float32)
    rows[0, [0, 9]] = 1
    assert np.unpackbits(coder.encode(rows), axis=1)[0].nonzero()[0].tolist() == [0, 9]
    assert not coder.encode(rows)[1].any()
    assert coder.encode(rows).shape == (2, 2)


@pytest.mark.parametrize("bits", [48, 128, 256])
def test_the_share_of_bits_that_differ_is_the_angle(bits):
    rows = kinds(10, 10)
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    angles = np.arccos((rows @ rows.T).clip(-1, 1))
    distances = hamming(rotated(rows.shape[1], bits).encode(rows))
    above = np.triu_indices(len(rows), 1)
    assert np.abs(distances / bits - angles / np.pi)[above].mean() < 0.5 / np.sqrt(bits)


def test_directions_stand_at_right_angles_as_far_as_there_are_dimensions():
    directions = rotated(64, 128).directions
    for base in (directions[:64], directions[64:]):
        np.testing.assert_allclose(base @ base.T, np.eye(64), atol=1e-5)


def test_the_same_seed_gives_the_same_directions():
    np.testing.assert_array_equal(rotated(16, 32).directions, rotated(16, 32).directions)
    assert not np.array_equal(rotated(16, 32, seed=1).directions, rotated(16, 32).directions)


def test_iterative_quantisation_lies_nearer_to_its_codes_than_chance_does():
    rows = kinds(20, 20)
    learned = quantised(rows, 32)
    by_chance = rotated(rows.shape[1], 32)
    centred = Coder(by_chance.directions, by_chance.directions @ rows.mean(axis=0))
    assert error(learned, rows) < error(centred, rows)
    assert learned.bits == 32


def test_iterative_quantisation_has_no_more_bits_than_dimensions():
    with pytest.raises(ValueError, match="129 bits, 128 dimensions"):
        quantised(kinds(10, 20), 129)


def test_a_coder_comes_back_from_its_bytes():
    coder = quantised(kinds(10, 20), 48)
    again = Coder.from_bytes(coder.as_bytes(), 48)
    np.testing.assert_array_equal(again.directions, coder.directions)
    np.testing.assert_array_equal(again.thresholds, coder.thresholds)
    with pytest.raises(ValueError, match="reshape"):
        Coder.from_bytes(coder.as_bytes()[:-4], 48)
