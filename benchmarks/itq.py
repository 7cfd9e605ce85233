"""Iterative quantisation, for comparison with the codes that the program uses.

Gong & Lazebnik 2011, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes".
"""

import numpy as np

from catalog.vectors.codes.binary_codes import BinaryEncoder


def train_itq(vectors: np.ndarray, bits: int, *, iterations: int = 50, seed: int = 0) -> BinaryEncoder:
    """Train an encoder: the principal axes of `vectors`, rotated to minimise the quantisation error of the codes.

    Args:
        vectors: float32, n × d, n > d.
        bits: the length of a code, at most d.

    Raises:
        ValueError: there are more bits than dimensions.
    """
    if bits > vectors.shape[1]:
        raise ValueError(f"ITQ needs a dimension for each bit: {bits} bits, {vectors.shape[1]} dimensions.")
    mean = vectors.mean(axis=0)
    axes = np.linalg.eigh(np.cov(vectors, rowvar=False))[1][:, ::-1][:, :bits].astype(np.float32)
    projected = (vectors - mean) @ axes
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((bits, bits)))[0].astype(np.float32)
    for _ in range(iterations):
        left, _, right = np.linalg.svd(np.sign(projected @ rotation).T @ projected)
        rotation = (left @ right).T
    directions = (axes @ rotation).T
    return BinaryEncoder(directions, directions @ mean)
