"""Binary codes: hashes of a few bytes, of which a million are compared in milliseconds.

Each bit of a code belongs to a hyperplane and says on which side of it the descriptor lies. The larger the angle
between two descriptors, the more bits of their codes differ: Charikar 2002, "Similarity Estimation Techniques from
Rounding Algorithms". Searches select candidates by their codes, as in Lin et al. 2015, "Deep Learning of Binary Hash
Codes for Fast Image Retrieval".
"""

from dataclasses import dataclass

import numpy as np

DEFAULT_BITS = 256


@dataclass(frozen=True)
class BinaryEncoder:
    """Encodes descriptors as binary codes. Descriptors are projected before they are encoded.

    Attributes:
        directions: the normals of the hyperplanes, float32, bits × d.
        thresholds: float32, bits. A bit is set if direction · descriptor is greater than its threshold.
    """

    directions: np.ndarray
    thresholds: np.ndarray

    @property
    def bits(self) -> int:
        return len(self.directions)

    @property
    def width(self) -> int:
        """The size of a code in bytes. Unused bits of the last byte are 0."""
        return -(-self.bits // 8)

    def encode(self, vectors: np.ndarray) -> np.ndarray:
        """Encode descriptors: float32, n × d, of unit length → packed codes, uint8, n × width."""
        return np.packbits(vectors @ self.directions.T > self.thresholds, axis=1)

    def as_bytes(self) -> bytes:
        """Serialise to the direction and the threshold of each bit in turn, as little-endian float32."""
        return np.column_stack([self.directions, self.thresholds]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, bits: int) -> "BinaryEncoder":
        """Deserialise the result of `as_bytes`. Raises ValueError if `data` is not of an encoder with so many bits."""
        parameters = np.frombuffer(data, "<f4").reshape(bits, -1)
        return cls(parameters[:, :-1], parameters[:, -1])


def random_rotation(mean: np.ndarray, bits: int = DEFAULT_BITS, *, seed: int = 0) -> BinaryEncoder:
    """Return an encoder with random hyperplanes through the mean of the descriptors.

    The directions are orthogonal in groups of up to d: Ji et al. 2012, "Super-Bit Locality-Sensitive Hashing". The same
    seed gives the same directions.

    Args:
        mean: the mean of the projected descriptors, float32, d. Zeros if they are centred.
    """
    dimensions = len(mean)
    rng = np.random.default_rng(seed)
    rotation_count = -(-bits // dimensions)
    rotations = [np.linalg.qr(rng.standard_normal((dimensions, dimensions)))[0] for _ in range(rotation_count)]
    directions = np.concatenate(rotations)[:bits].astype(np.float32)
    return BinaryEncoder(directions, directions @ mean)
