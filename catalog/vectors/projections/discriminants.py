"""Projections that labels teach: whitening within labels, and more weight for the directions that tell labels apart.

Fisher's linear discriminants with a shrunk covariance: Friedman 1989, "Regularized Discriminant Analysis". Learned
whitening for retrieval: Mikolajczyk & Matas 2007, "Improving Descriptors for Fast Tree Matching by Optimal Linear
Projection"; Radenović, Tolias & Chum 2018, "Fine-tuning CNN Image Retrieval with No Human Annotation", section 3.3.
The other directions are kept, with less weight, so that copies and images of unknown kinds are still found.
"""

from dataclasses import dataclass

import numpy as np

from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import shrunk_whitening

# Strength of the shrinkage of the covariance within labels. Measured in docs/quality.md.
SHRINKAGE = 3.0


@dataclass(frozen=True)
class Discriminants:
    """What labels teach.

    Attributes:
        mean: the mean of all descriptors of the catalogue, labelled or not, float32, d.
        within: whitens the differences between images of the same label, float32, d × d.
        directions: the discriminant directions after that whitening, orthonormal, float32, (labels − 1) × d.
    """

    mean: np.ndarray
    within: np.ndarray
    directions: np.ndarray

    def projection(self, weight: float) -> Projection:
        """Return the projection in which components along the discriminant directions are `weight` times as long.

        1 only whitens within labels.
        """
        along = self.directions.T @ (self.directions @ self.within)
        return Projection(self.mean, self.within + np.float32(weight - 1) * along)

    def distinctness(self, vectors: np.ndarray) -> np.ndarray:
        """Return how much of each descriptor lies along the discriminant directions: float32, n, in [0, 1].

        Images of the labels that taught have more than others.

        Args:
            vectors: float32, n × d.
        """
        whitened = (vectors - self.mean) @ self.within.T
        lengths = np.linalg.norm(whitened, axis=1)
        return np.linalg.norm(whitened @ self.directions.T, axis=1) / np.where(lengths > 0, lengths, 1)


def fit_discriminants(vectors: np.ndarray, labels: np.ndarray, mean: np.ndarray) -> Discriminants:
    """Fit discriminants to labelled descriptors.

    Args:
        vectors: float32, n × d.
        labels: int64, n, at least two different ones.
        mean: the mean of all descriptors of the catalogue, labelled or not, float32, d.
    """
    label_numbers = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(label_numbers)
    means = np.zeros((len(counts), vectors.shape[1]))
    np.add.at(means, label_numbers, vectors)
    means /= counts[:, np.newaxis]
    differences = vectors - means[label_numbers]
    within = shrunk_whitening(differences.T @ differences / len(vectors), SHRINKAGE)
    between = ((means - mean) * np.sqrt(counts)[:, np.newaxis]) @ within.T
    directions = np.linalg.svd(between, full_matrices=False)[2][: len(counts) - 1]
    return Discriminants(mean, within, directions.astype(np.float32))
