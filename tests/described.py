"""Searchable images with descriptors of one's choice and no files: a catalogue of hundreds in a moment."""

from hashlib import sha256

import numpy as np
from django.db import transaction

from catalog.models import Collection, Image
from catalog.services import spaces, store
from catalog.services.store import Described

DIMENSIONS = 128


def add(vectors: np.ndarray, *, collections: list[str] | None = None) -> list[Image]:
    """An image for each row of `vectors`, in a segment of the active space.

    Args:
        vectors: float32, n × d, of unit length.
        collections: the collection of each.
    """
    space = spaces.active_or_first()
    groups = [Collection.objects.get_or_create(name=name)[0] for name in collections or []]
    first = Image.objects.count()
    with transaction.atomic():
        images = Image.objects.bulk_create(
            Image(
                sha256=sha256(str(number).encode()).hexdigest(),
                source=f"described-{number}.jpg",
                original=f"originals/{number}.jpg",
                thumbnail=f"thumbnails/{number}.webp",
                thumbnail_width=160,
                thumbnail_height=120,
                format="JPEG",
                width=160,
                height=120,
                bytes=1000,
                collection=groups[number - first] if groups else None,
                status=Image.Status.INDEXED,
            )
            for number in range(first, first + len(vectors))
        )
        rows = [Described(image.pk, image.sha256, vector) for image, vector in zip(images, vectors, strict=True)]
        with store.writing():
            store.register(store.append(space, rows), rows, {image.pk for image in images})
    return images


def kinds(number: int, each: int, *, spread: float = 0.4, seed: int = 0) -> np.ndarray:
    """Descriptors of `number` kinds of things, `each` of every kind, one kind after the other: float32, n × d.

    They have as many dimensions as the compact network's, so that they can stand beside those of real pictures, and
    no negative number, as after a ReLU, so that all have something in common.
    """
    chance = np.random.default_rng(seed)
    middles = np.repeat(chance.random((number, DIMENSIONS)), each, axis=0)
    return unit(np.maximum(middles + spread * chance.normal(size=middles.shape), 0))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows at unit length: float32, n × d."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
