"""Searchable images of several kinds, and small networks to compare on them."""

from collections.abc import Callable
from pathlib import Path

from catalog.models import Collection, Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads
from tests.features.networks.onnx_files import write_transformer

DESCRIPTION = (
    "mean = [0.5, 0.4, 0.3]\nstandard_deviation = [0.2, 0.25, 0.3]\nsize = 32\noutput = 'vector'\npooling = 'none'\n"
)


def add_kinds(picture: Callable[..., bytes], kinds: int, images: int, *, first: int = 0) -> list[Image]:
    """Add images of some kinds: those of one kind are the same picture in different shapes, in one collection."""
    for kind in range(first, first + kinds):
        collection = Collection.objects.create(name=f"Kind {kind}")
        for number in range(images):
            drawn = picture(kind, size=(120 + 10 * number, 120))
            uploads.add_picture(drawn, f"{kind}-{number}.jpg", collection=collection)
    extraction.index_pending()
    return list(Image.objects.order_by("pk"))


def write_small_network(path: Path) -> Path:
    """Write a transformer with random weights, with its description: a network that sees little."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".toml").write_text(DESCRIPTION)
    return write_transformer(path)
