"""Arithmetic with float16 rows."""

import tracemalloc

import numpy as np
import pytest

from catalog.vectors import half_precision
from tests.vectors.random_vectors import random_unit_rows


def test_every_finite_float16_number_is_converted_as_numpy_does():
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)].reshape(-1, 2)  # both zeros, subnormal and negative numbers among them
    converted = half_precision.as_float32(numbers)
    assert converted.dtype == np.float32
    np.testing.assert_array_equal(converted.view(np.uint32), numbers.astype(np.float32).view(np.uint32))


def test_float32_rows_are_not_copied():
    rows = random_unit_rows(3)
    assert half_precision.as_float32(rows) is rows


@pytest.mark.parametrize("count", [0, 1, half_precision.CHUNK_ROWS, 2 * half_precision.CHUNK_ROWS + 1])
def test_products_are_those_of_the_converted_rows(count):
    rows, directions = random_unit_rows(count).astype(np.float16), 30 * random_unit_rows(3, seed=1)
    products = half_precision.multiply(rows, directions)
    assert (products.dtype, products.shape) == (np.float32, (count, 3))
    expected = rows.astype(np.float64) @ directions.T.astype(np.float64)
    np.testing.assert_allclose(products, expected, atol=1e-5)


def test_products_with_subnormal_and_large_numbers_are_exact():
    rows = np.array([[2.0**-24, 0], [0, -60_000], [-(2.0**-15), 1]], np.float16)
    directions = np.array([[1024, 0], [0, 1024], [2.0**-20, 0]], np.float32)
    np.testing.assert_array_equal(half_precision.multiply(rows, directions), rows.astype(np.float32) @ directions.T)


def test_rows_that_are_not_contiguous_are_multiplied():
    rows = random_unit_rows(40).astype(np.float16)[::2]
    expected = rows.astype(np.float32) @ random_unit_rows(2).T
    np.testing.assert_allclose(half_precision.multiply(rows, random_unit_rows(2)), expected, atol=1e-6)


def test_multiplication_does_not_convert_all_rows_at_once():
    rows = np.ones((40_000, 64), np.float16)
    directions = np.ones((1, 64), np.float32)
    tracemalloc.start()
    half_precision.multiply(rows, directions)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < rows.nbytes / 5  # a float32 copy takes twice as many bytes as the rows
