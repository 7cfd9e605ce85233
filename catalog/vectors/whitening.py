"""PCA whitening of descriptors: directions in which the catalogue varies a lot count for less.

The whitening is fitted to the catalogue's own descriptors, without labels: Jégou & Chum 2012, "Negative evidences and
co-occurences in image retrieval: the benefit of PCA and whitening". Eigenvalues are shrunk towards their mean, because
small eigenvalues are poorly estimated from few images: Ledoit & Wolf 2004, "A well-conditioned estimator for
large-dimensional covariance matrices", but with a fixed strength.
"""

from dataclasses import dataclass

import numpy as np

# Strength ε of the shrinkage, in multiples of the mean eigenvalue. Measured in docs/quality.md.
SHRINKAGE = 4.0
# A whitening of fewer images is unreliable. Measured in docs/quality.md.
MIN_IMAGES = 100
# Rows that are transformed at a time: a few megabytes.
CHUNK_ROWS = 8192


@dataclass(frozen=True)
class Whitening:
    """A whitening of d dimensions: x ↦ P(x − μ).

    Attributes:
        mean: μ, float32, d.
        matrix: P, float32, d × d, one row for each axis.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def whiten(self, vectors: np.ndarray) -> np.ndarray:
        """Whiten rows: float32, n × d → float32, n × d, of unit length. A row that equals the mean becomes zero."""
        projected = self.project(vectors)
        return projected * inverse_norms(projected)[:, np.newaxis]

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Return P(x − μ) for each row x: float32, n × d, not normalised."""
        return (vectors - self.mean) @ self.matrix.T

    def scales(self, vectors: np.ndarray) -> np.ndarray:
        """Return 1 / |P(x − μ)| for each row x, float32, n; 0 where the norm is 0."""
        chunks = (vectors[start : start + CHUNK_ROWS] for start in range(0, len(vectors), CHUNK_ROWS))
        scales = [inverse_norms(self.project(chunk)) for chunk in chunks]
        return np.concatenate(scales) if scales else np.empty(0, np.float32)

    def fold_into_query(self, query_vector: np.ndarray) -> tuple[np.ndarray, float]:
        """Return a direction u and an offset c with which rows can be compared without whitening them.

        The whitened cosine similarity of `query_vector` and a stored row x is (u·x − c) · scale(x); see `scales`.

        Args:
            query_vector: q, float32, d, whitened and of unit length.

        Returns:
            u = Pᵀq, float32, d, and c = u·μ.
        """
        direction = query_vector @ self.matrix
        return direction, float(direction @ self.mean)

    def as_bytes(self) -> bytes:
        """Serialise to μ followed by P, as little-endian float32."""
        return np.vstack([self.mean, self.matrix]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Whitening":
        """Deserialise the result of `as_bytes`. Raises ValueError if `data` has another length."""
        values = np.frombuffer(data, "<f4")
        dimensions = int(np.sqrt(len(values)))
        rows = values.reshape(dimensions + 1, dimensions)
        return cls(rows[0], rows[1:])


def fit_whitening(
    vectors: np.ndarray, *, shrinkage: float = SHRINKAGE, min_images: int = MIN_IMAGES
) -> Whitening | None:
    """Fit a whitening to descriptors. Return None if there are fewer than `min_images`, or all are equal.

    Args:
        vectors: float32, n × d.
        shrinkage: ε; an axis with the eigenvalue λ is scaled by 1 / √(λ + ε · mean λ).
    """
    if len(vectors) < min_images:
        return None
    mean = vectors.mean(axis=0, dtype=np.float64)
    eigenvalues, eigenvectors = np.linalg.eigh(np.cov(vectors, rowvar=False, dtype=np.float64))
    shrunk_eigenvalues = eigenvalues.clip(0) + shrinkage * eigenvalues.mean()
    if eigenvalues.mean() < np.finfo(np.float32).eps:
        return None
    return Whitening(mean.astype(np.float32), (eigenvectors / np.sqrt(shrunk_eigenvalues)).T.astype(np.float32))


def inverse_norms(vectors: np.ndarray) -> np.ndarray:
    """Return 1 / |x| for each row x, float32, n; 0 for zero rows."""
    norms = np.linalg.norm(vectors, axis=1)
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0)
