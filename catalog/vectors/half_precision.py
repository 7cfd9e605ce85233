"""Arithmetic with float16 rows, without a float32 copy of all of them.

NumPy converts float16 numbers one at a time. Shifting their bits to those of float32 is several times as fast:
exponent and mantissa stay what they are, and the value is 2⁻¹¹² times the original, since the biases of the exponents
(15 and 127) differ. Infinity and NaN, which no descriptor has, become finite numbers.
"""

import numpy as np

# Rows that are converted at a time, so that they stay in the cache of the processor.
CHUNK_ROWS = 512
SIGN_EXPONENT_MANTISSA = np.int32(-0x70002000)  # 0x8FFFE000: without the copies of the sign bit
SCALE, HALF_SCALE = np.float32(2.0**112), np.float32(2.0**56)


def as_float32(vectors: np.ndarray) -> np.ndarray:
    """Return float16 or float32 rows as float32. Rows that are float32 already are not copied."""
    if vectors.dtype != np.float16:
        return np.asarray(vectors, np.float32)
    return _shifted_bits(vectors) * SCALE


def multiply(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return the dot products of float16 or float32 rows with directions.

    Args:
        vectors: float16 or float32, n × d; may be memory-mapped.
        directions: float32, m × d.

    Returns:
        float32, n × m.
    """
    if vectors.dtype != np.float16:
        return vectors @ directions.T
    products = np.empty((len(vectors), len(directions)), np.float32)
    scaled = np.ascontiguousarray(directions.T * HALF_SCALE)  # half here, half below: no overflow, no underflow
    for start in range(0, len(vectors), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        np.matmul(_shifted_bits(vectors[chunk]), scaled, out=products[chunk])
    products *= HALF_SCALE
    return products


def _shifted_bits(vectors: np.ndarray) -> np.ndarray:
    """Return 2⁻¹¹² times the vectors: float16 → float32."""
    bits = np.ascontiguousarray(vectors).view(np.int16).astype(np.int32)
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, SIGN_EXPONENT_MANTISSA, out=bits)
    return bits.view(np.float32)
