"""Binary codes: a few bytes that stand for a descriptor, so that a million are compared in milliseconds.

A code has a bit for each of a set of directions: on which side of it the descriptor lies. Two codes differ in the
more bits, the larger the angle between their descriptors: Charikar 2002, "Similarity Estimation Techniques from
Rounding Algorithms". Lin et al. 2015, "Deep Learning of Binary Hash Codes for Fast Image Retrieval", pick the
candidates of a search by them.
"""

from dataclasses import dataclass

import numpy as np

BITS = 256


@dataclass(frozen=True)
class Coder:
    """Descriptor → code. The descriptors are those that are compared: whitened where there is a projection.

    Attributes:
        directions: float32, bits × d.
        thresholds: float32, bits: a bit is set where direction · descriptor lies above its threshold.
    """

    directions: np.ndarray
    thresholds: np.ndarray

    @property
    def bits(self) -> int:
        return len(self.directions)

    @property
    def width(self) -> int:
        """Of a code, in bytes; bits that are left over stay 0."""
        return -(-self.bits // 8)

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """float32, n × d of unit length → uint8, n × width."""
        return np.packbits(vectors @ self.directions.T > self.thresholds, axis=1)

    def as_bytes(self) -> bytes:
        """What `from_bytes` takes: for each bit its direction and its threshold, as little-endian float32."""
        return np.column_stack([self.directions, self.thresholds]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, bits: int) -> "Coder":
        """Raises ValueError: the bytes are no coder of so many bits."""
        numbers = np.frombuffer(data, "<f4").reshape(bits, -1)
        return cls(numbers[:, :-1], numbers[:, -1])


def rotated(dimensions: int, bits: int = BITS, *, seed: int = 0) -> Coder:
    """Directions drawn at random, at right angles to one another as far as there are dimensions for that.

    Ji et al. 2012, "Super-Bit Locality-Sensitive Hashing".
    """
    chance = np.random.default_rng(seed)
    bases = -(-bits // dimensions)
    rotations = [np.linalg.qr(chance.standard_normal((dimensions, dimensions)))[0] for _ in range(bases)]
    return Coder(np.concatenate(rotations)[:bits].astype(np.float32), np.zeros(bits, np.float32))


def quantised(vectors: np.ndarray, bits: int, *, rounds: int = 50, seed: int = 0) -> Coder:
    """The principal axes of these descriptors, turned so that codes lie as near to them as can be: ITQ.

    Gong & Lazebnik 2011, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes".

    Args:
        vectors: float32, n × d, n > d.
        bits: d at most.

    Raises:
        ValueError: there are more bits than dimensions.
    """
    if bits > vectors.shape[1]:
        raise ValueError(f"ITQ has a bit a dimension at most: {bits} bits, {vectors.shape[1]} dimensions.")
    mean = vectors.mean(axis=0)
    axes = np.linalg.eigh(np.cov(vectors, rowvar=False))[1][:, ::-1][:, :bits].astype(np.float32)
    placed = (vectors - mean) @ axes
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((bits, bits)))[0].astype(np.float32)
    for _ in range(rounds):
        left, _, right = np.linalg.svd(np.sign(placed @ rotation).T @ placed)
        rotation = (left @ right).T
    directions = (axes @ rotation).T
    return Coder(directions, directions @ mean)
