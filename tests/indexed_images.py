"""Searchable images with given descriptors and without files, to create large catalogues quickly."""

from hashlib import sha256

import numpy as np
from django.db import transaction

from catalog.features.extractors import space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.models import Collection, Image
from catalog.services.index import spaces, store
from catalog.services.index.store import DescriptorRow
from catalog.services.media.file_locks import file_commit_lock

DIMENSIONS = space_for_network(efficientnet_lite2_network()).dimensions


def add_indexed_images(vectors: np.ndarray, *, collections: list[str] | None = None) -> list[Image]:
    """Add an image for each row of `vectors`, in one segment of the active space.

    Args:
        vectors: float32, n × d, of unit length.
        collections: the name of each image's collection.
    """
    space = spaces.get_or_create_active_space()
    collection_rows = [Collection.objects.get_or_create(name=name)[0] for name in collections or []]
    first = Image.objects.count()
    with transaction.atomic():
        images = Image.objects.bulk_create(
            Image(
                sha256=sha256(str(number).encode()).hexdigest(),
                source=f"indexed-{number}.jpg",
                original=f"originals/{number}.jpg",
                thumbnail=f"thumbnails/{number}.webp",
                thumbnail_width=160,
                thumbnail_height=120,
                format="JPEG",
                width=160,
                height=120,
                bytes=1000,
                collection=collection_rows[number - first] if collection_rows else None,
                status=Image.Status.INDEXED,
            )
            for number in range(first, first + len(vectors))
        )
        rows = [DescriptorRow(image.pk, image.sha256, vector) for image, vector in zip(images, vectors, strict=True)]
        with file_commit_lock():
            store.register_segment(store.write_segment(space, rows), rows, {image.pk for image in images})
    return images


def clustered_vectors(cluster_count: int, cluster_size: int, *, spread: float = 0.4, seed: int = 0) -> np.ndarray:
    """Return descriptors of `cluster_count` kinds, `cluster_size` of each, in order of kind: float32, n × d.

    They have as many dimensions as those of the bundled network, so that they can be mixed with descriptors of real
    pictures. They are not negative, like values after a ReLU, so that all have a component in common.
    """
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.random((cluster_count, DIMENSIONS)), cluster_size, axis=0)
    return normalise(np.maximum(centres + spread * rng.normal(size=centres.shape), 0))


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to unit length: float32, n × d."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
