"""Whitening: descriptors turned and stretched so that what most pictures share counts for less.

PCA of the catalogue's own descriptors, without labels; eigenvalues are shrunk towards their mean, since few
pictures say little about the small ones. Jégou & Chum 2012, "Negative evidences and co-occurences in image
retrieval: the benefit of PCA and whitening", with the shrinkage of Ledoit & Wolf 2004 at a fixed strength.
"""

from dataclasses import dataclass

import numpy as np

# Added to each eigenvalue: so many times the mean of all. Measured in docs/quality.md.
SHRINKAGE = 4.0
# Fewer pictures than this teach nothing that can be trusted: also measured there.
ENOUGH = 100
# Rows that are turned at once: a few megabytes.
PIECE = 8192


@dataclass(frozen=True)
class Projection:
    """A whitening of d dimensions: x ↦ P(x − μ).

    Attributes:
        mean: float32, d: μ.
        matrix: float32, d × d: P, a row for each axis.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def whitened(self, vectors: np.ndarray) -> np.ndarray:
        """float32, n × d → float32, n × d of unit length; what equals the mean has no direction and stays zero."""
        turned = self.turned(vectors)
        return turned * inverse_lengths(turned)[:, np.newaxis]

    def turned(self, vectors: np.ndarray) -> np.ndarray:
        """P(x − μ) for each row x: float32, n × d, of any length."""
        return (vectors - self.mean) @ self.matrix.T

    def scales(self, vectors: np.ndarray) -> np.ndarray:
        """1 / |P(x − μ)| for each row x: float32, n; 0 where that has no length."""
        pieces = (vectors[start : start + PIECE] for start in range(0, len(vectors), PIECE))
        lengths = [inverse_lengths(self.turned(piece)) for piece in pieces]
        return np.concatenate(lengths) if lengths else np.empty(0, np.float32)

    def unfolded(self, sought: np.ndarray) -> tuple[np.ndarray, float]:
        """What to compare raw rows with, so that (u·x − c) · scale(x) is the whitened cosine of `sought` and x.

        Args:
            sought: float32, d: whitened, of unit length.

        Returns:
            u = Pᵀ sought, float32, d, and c = u·μ: no row needs to be turned itself.
        """
        direction = sought @ self.matrix
        return direction, float(direction @ self.mean)

    def as_bytes(self) -> bytes:
        """What `from_bytes` takes: μ and then P as little-endian float32."""
        return np.vstack([self.mean, self.matrix]).astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Projection":
        """Raises ValueError: the bytes are no projection."""
        numbers = np.frombuffer(data, "<f4")
        dimensions = int(np.sqrt(len(numbers)))
        rows = numbers.reshape(dimensions + 1, dimensions)
        return cls(rows[0], rows[1:])


def learn(vectors: np.ndarray, *, shrinkage: float = SHRINKAGE, enough: int = ENOUGH) -> Projection | None:
    """The projection that these descriptors teach; None where they are fewer than `enough`, or all the same.

    Args:
        vectors: float32, n × d.
        shrinkage: ε: axes are stretched by 1 / √(λ + ε · mean λ), λ being their eigenvalue.
    """
    if len(vectors) < enough:
        return None
    mean = vectors.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(np.cov(vectors, rowvar=False, dtype=np.float64))
    shrunk = values.clip(0) + shrinkage * values.mean()
    if values.mean() < np.finfo(np.float32).eps:
        return None
    return Projection(mean.astype(np.float32), (axes / np.sqrt(shrunk)).T.astype(np.float32))


def inverse_lengths(vectors: np.ndarray) -> np.ndarray:
    """1 / |x| for each row x: float32, n; 0 where it has no length."""
    lengths = np.linalg.norm(vectors, axis=1)
    return np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
