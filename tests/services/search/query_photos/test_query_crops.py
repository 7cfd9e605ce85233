"""Queries by a crop of a picture."""

import numpy as np
import pytest

from catalog.exceptions import CropRejected, PictureRejected
from catalog.imaging.crops import Box
from catalog.services.media import files
from catalog.services.search import queries, query_photos

BOX = Box(40, 30, 80, 60)


@pytest.fixture
def extracted_crops(monkeypatch) -> list[Box]:
    """The crops that were extracted, in order."""
    crops, extract = [], queries.extract_query

    def recording(data, box=None, **options):
        crops.append(box)
        return extract(data, box, **options)

    monkeypatch.setattr(queries, "extract_query", recording)
    return crops


def test_image_crop_is_taken_from_original(catalogue, picture):
    query = queries.image_crop_query(catalogue[2], BOX)
    assert np.allclose(query.vector, queries.extract_query(picture(2), BOX).vector)


def test_crop_is_extracted_once(catalogue, picture, extracted_crops):
    photo = query_photos.store_photo(picture(2), "photo.jpg")
    extracted_crops.clear()
    first, again = query_photos.photo_query(photo, BOX), query_photos.photo_query(photo, BOX)
    assert np.array_equal(first.vector, again.vector)
    assert first.space == again.space
    assert extracted_crops == [BOX]
    other = query_photos.photo_query(query_photos.store_photo(picture(3), "other.jpg"), BOX)
    assert not np.allclose(other.vector, first.vector)


def test_invalid_crop_is_rejected_every_time(catalogue):
    for _ in range(2):
        with pytest.raises(CropRejected):
            queries.image_crop_query(catalogue[2], Box(0, 0, 999, 999))


def test_missing_original_is_reported(catalogue):
    files.delete(str(catalogue[2].original))
    with pytest.raises(PictureRejected, match="missing"):
        queries.image_crop_query(catalogue[2], Box(1, 2, 33, 44))
