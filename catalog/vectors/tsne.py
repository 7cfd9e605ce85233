"""t-SNE: positions on a plane at which similar images are close together.

van der Maaten & Hinton 2008, "Visualizing Data using t-SNE", JMLR 9, with the Barnes-Hut approximation of scikit-learn:
https://scikit-learn.org/stable/modules/generated/sklearn.manifold.TSNE.html

Few images are placed by their first two principal components, which takes milliseconds instead of seconds.
"""

import numpy as np

# Descriptors are reduced to PCA_DIMENSIONS first. PERPLEXITY is about the number of neighbours of an image.
PCA_DIMENSIONS, PERPLEXITY = 50, 15
# Up to this number of images, their principal components tell kinds apart about as well.
MAX_FEW_IMAGES = 50


def tsne(vectors: np.ndarray) -> np.ndarray:
    """Compute positions of descriptors on a plane. The same descriptors give the same positions.

    Args:
        vectors: descriptors as they are compared, float32, n × d, of unit length.

    Returns:
        float32, n × 2, in [0, 1].
    """
    if len(vectors) <= MAX_FEW_IMAGES:
        return _fit_unit_square(_principal_components(vectors))
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    dimensions = min(PCA_DIMENSIONS, vectors.shape[1])
    reduced = PCA(dimensions, random_state=0).fit_transform(vectors)
    return _fit_unit_square(TSNE(2, init="pca", perplexity=PERPLEXITY, random_state=0).fit_transform(reduced))


def _principal_components(vectors: np.ndarray) -> np.ndarray:
    """Return the first two principal components of vectors: float32, n × 2; zeros for those that do not exist."""
    positions = np.zeros((len(vectors), 2), np.float32)
    if len(vectors):
        left, singular_values, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
        components = left[:, :2] * singular_values[:2]
        positions[:, : components.shape[1]] = components
    return positions


def _fit_unit_square(positions: np.ndarray) -> np.ndarray:
    """Move and scale positions into the unit square and keep their aspect ratio: float32, n × 2."""
    if not len(positions):
        return positions.astype(np.float32)
    low, high = positions.min(axis=0), positions.max(axis=0)
    centred = (positions - (low + high) / 2) / max(float((high - low).max()), 1e-9)
    return (centred + 0.5).astype(np.float32)
