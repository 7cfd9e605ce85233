"""Pictures laid out on a plane so that those near one another are alike: t-SNE.

van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008, in scikit-learn's version for many points (Barnes
and Hut's approximation).
"""

import numpy as np

# Directions that are kept of the descriptors, and about how many neighbours count for a picture.
DIRECTIONS, PERPLEXITY = 50, 15
FEWEST = 4


def lay_out(vectors: np.ndarray) -> np.ndarray:
    """Places of rows on a plane: float32, n × 2, within [0, 1].

    Args:
        vectors: float32, n × d, of unit length, as they are compared.
    """
    if len(vectors) < FEWEST:
        return _within(np.arange(2 * len(vectors), dtype=np.float32).reshape(-1, 2))
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    directions = min(DIRECTIONS, len(vectors), vectors.shape[1])
    reduced = PCA(directions, random_state=0).fit_transform(vectors)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    return _within(TSNE(2, init="pca", perplexity=perplexity, random_state=0).fit_transform(reduced))


def _within(places: np.ndarray) -> np.ndarray:
    """Moved and made smaller, alike in both directions."""
    if not len(places):
        return places.astype(np.float32)
    low, high = places.min(axis=0), places.max(axis=0)
    centred = (places - (low + high) / 2) / max(float((high - low).max()), 1e-9)
    return (centred + 0.5).astype(np.float32)
