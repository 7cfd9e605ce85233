"""Catalogues with small segments, and a second feature space."""

from dataclasses import replace

import pytest

from catalog.features.recipes import EXTRACTOR_CONFIGS
from catalog.models import Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads


@pytest.fixture
def two_image_segments(db, picture) -> list[Image]:
    """Six images, in three segments of two."""
    for number in range(6):
        uploads.add_picture(picture(number), f"{number}.jpg")
        if number % 2:
            extraction.index_pending()
    return list(Image.objects.order_by("pk"))


@pytest.fixture
def other_space(monkeypatch) -> str:
    """Re-extractions use another feature space: the same network with another pooling, whose name this returns."""
    config = EXTRACTOR_CONFIGS["efficientnet-lite2"]
    other = "gem" if config.pooling != "gem" else "rmac"
    monkeypatch.setitem(EXTRACTOR_CONFIGS, "efficientnet-lite2", replace(config, pooling=other))
    return other
