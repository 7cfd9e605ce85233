"""Projections fitted without labels: centring, and whitening with shrinkage."""

import numpy as np

from catalog.vectors.projections.projection import Projection


def fit_centring(vectors: np.ndarray) -> Projection | None:
    """Return the projection that subtracts the mean; None if all descriptors are equal.

    What all pictures of a catalogue have in common then no longer makes them similar.

    Args:
        vectors: float32, n × d.
    """
    if not len(vectors) or vectors.var(axis=0, dtype=np.float64).mean() < np.finfo(np.float32).eps:
        return None
    return Projection(vectors.mean(axis=0, dtype=np.float64).astype(np.float32))


def fit_whitening(vectors: np.ndarray, shrinkage: float) -> Projection | None:
    """Return a PCA whitening: directions in which the catalogue varies a lot count for less. None as `fit_centring`.

    Jégou & Chum 2012, "Negative evidences and co-occurences in image retrieval: the benefit of PCA and whitening".
    Eigenvalues are shrunk towards their mean, because small ones are poorly estimated from few images: Ledoit & Wolf
    2004, "A well-conditioned estimator for large-dimensional covariance matrices", but with a given strength.

    Args:
        vectors: float32, n × d.
        shrinkage: ε; an axis with the eigenvalue λ is scaled by 1 / √(λ + ε · mean λ). ε → ∞ only centres.
    """
    centring = fit_centring(vectors)
    if centring is None:
        return None
    return Projection(centring.mean, shrunk_whitening(np.cov(vectors, rowvar=False, dtype=np.float64), shrinkage))


def shrunk_whitening(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    """Return the whitening matrix of a covariance, float64, d × d → float32, d × d, one row for each axis."""
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    shrunk_eigenvalues = eigenvalues.clip(0) + shrinkage * eigenvalues.mean()
    return (eigenvectors / np.sqrt(shrunk_eigenvalues)).T.astype(np.float32)
