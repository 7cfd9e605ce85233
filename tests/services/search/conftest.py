"""A catalogue of clusters with neighbour lists, and what its images score."""

import numpy as np
import pytest

from catalog.models import Image
from catalog.services.search import queries, ranking
from tests.services.search.clusters import add_clusters
from tests.vectors.neighbours.dense_reference import DenseReference


@pytest.fixture
def clustered_images(db) -> list[Image]:
    """120 images in twelve clusters, each a collection, with neighbour lists."""
    return add_clusters(spread=0.4)


@pytest.fixture
def reference(clustered_images) -> DenseReference:
    """What the images score, computed with dense matrices. Its rows are in the order of `clustered_images`."""
    reference = DenseReference(ranking.snapshot_for(queries.image_query(clustered_images[0])))
    assert reference.ids.tolist() == [image.pk for image in clustered_images]
    assert not np.array_equal(reference.plain, reference.augmented)
    return reference
