"""Iterative quantisation, which the benchmarks compare with the codes of the program."""

import numpy as np
import pytest

from benchmarks.itq import train_itq
from catalog.vectors.codes.binary_codes import BinaryEncoder, random_rotation
from tests.indexed_images import clustered_vectors


def quantisation_error(encoder: BinaryEncoder, rows: np.ndarray) -> float:
    """Return the mean squared distance of the projected rows to their codes in {-1, 1}: the quantisation loss."""
    projected = rows @ encoder.directions.T - encoder.thresholds
    return float(((np.sign(projected) - projected) ** 2).mean())


def test_itq_has_lower_error_than_random_rotation():
    rows = clustered_vectors(20, 20)
    trained = train_itq(rows, 32)
    centred = random_rotation(rows.mean(axis=0), 32)
    assert quantisation_error(trained, rows) < quantisation_error(centred, rows)
    assert trained.bits == 32


def test_itq_rejects_more_bits_than_dimensions():
    with pytest.raises(ValueError, match="65 bits, 64 dimensions"):
        train_itq(clustered_vectors(10, 20)[:, :64], 65)
