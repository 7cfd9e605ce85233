"""A catalogue of clusters of similar images."""

from catalog.models import Image
from catalog.services.index import rebuilding, spaces
from tests import indexed_images

CLUSTER_COUNT, CLUSTER_SIZE = 12, 10


def add_clusters(spread: float) -> list[Image]:
    """Add 120 images in twelve clusters, each a collection, and rebuild the index, with neighbour lists."""
    names = [f"Kind {kind}" for kind in range(CLUSTER_COUNT) for _ in range(CLUSTER_SIZE)]
    vectors = indexed_images.clustered_vectors(CLUSTER_COUNT, CLUSTER_SIZE, spread=spread)
    images = indexed_images.add_indexed_images(vectors, collections=names)
    rebuilding.rebuild()
    assert spaces.active_generation().encoder
    return images
