"""The affine map after which descriptors are compared."""

from dataclasses import dataclass

import numpy as np

from catalog.vectors.half_precision import as_float32

# Rows that are transformed at a time: a few megabytes.
CHUNK_ROWS = 4096


@dataclass(frozen=True)
class Projection:
    """A map of d dimensions to k: x ↦ P(x − μ), divided by its length.

    Attributes:
        mean: μ, float32, d.
        matrix: P, float32, k × d; None for the identity, which only centres.
    """

    mean: np.ndarray
    matrix: np.ndarray | None = None

    @property
    def dimensions(self) -> int:
        """k, the number of dimensions after the projection."""
        return len(self.mean) if self.matrix is None else len(self.matrix)

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Project rows: float16 or float32, n × d → float32, n × k, of unit length. The mean becomes zero."""
        return unit_vectors(self.project(vectors))

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Return P(x − μ) for each row x: float32, n × k, not normalised."""
        centred = as_float32(vectors) - self.mean
        return centred if self.matrix is None else centred @ self.matrix.T

    def scales(self, vectors: np.ndarray) -> np.ndarray:
        """Return 1 / |P(x − μ)| for each row x, float32, n; 0 where the norm is 0."""
        chunks = (vectors[start : start + CHUNK_ROWS] for start in range(0, len(vectors), CHUNK_ROWS))
        scales = [inverse_norms(self.project(chunk)) for chunk in chunks]
        return np.concatenate(scales) if scales else np.empty(0, np.float32)

    def fold_into_queries(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return directions u and offsets c with which rows can be compared without projecting them.

        The cosine similarity of a projected query and a stored row x is (u·x − c) · scale(x); see `scales`.

        Args:
            queries: projected queries q, float32, m × k, of unit length.

        Returns:
            u = Pᵀq, float32, m × d, and c = u·μ, float32, m.
        """
        directions = queries if self.matrix is None else queries @ self.matrix
        return directions, directions @ self.mean

    def as_bytes(self) -> bytes:
        """Serialise to μ followed by the rows of P, as little-endian float32, after d as a little-endian uint32."""
        rows = self.mean[np.newaxis] if self.matrix is None else np.vstack([self.mean, self.matrix])
        return np.uint32(len(self.mean)).astype("<u4").tobytes() + rows.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Projection":
        """Deserialise the result of `as_bytes`. Raises ValueError if `data` has another length."""
        dimensions = int(np.frombuffer(data, "<u4", count=1)[0])
        rows = np.frombuffer(data, "<f4", offset=4).reshape(-1, dimensions)
        return cls(rows[0], rows[1:] if len(rows) > 1 else None)


def project(projection: Projection | None, vectors: np.ndarray) -> np.ndarray:
    """Return rows as they are compared: float32, n × k, of unit length. None stands for the descriptors themselves."""
    return as_float32(vectors) if projection is None else projection.apply(vectors)


def unit_vectors(vectors: np.ndarray) -> np.ndarray:
    """Divide each row by its length: float32, n × k. Rows of zeros stay zero."""
    return (vectors * inverse_norms(vectors)[:, np.newaxis]).astype(np.float32, copy=False)


def inverse_norms(vectors: np.ndarray) -> np.ndarray:
    """Return 1 / |x| for each row x, float32, n; 0 for zero rows."""
    norms = np.linalg.norm(vectors, axis=1)
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
