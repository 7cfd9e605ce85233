"""A part of a picture to search with."""

import numpy as np
import pytest

from catalog.exceptions import CropRefused, PictureRefused
from catalog.imaging.crops import Box
from catalog.services import originals, parts, queries, searching

BOX = Box(40, 30, 80, 60)


@pytest.fixture
def described(monkeypatch) -> list[Box]:
    """The parts that went through the network."""
    seen, describe = [], searching.describe

    def counting(data, box=None, **options):
        seen.append(box)
        return describe(data, box, **options)

    monkeypatch.setattr(searching, "describe", counting)
    return seen


def test_a_part_of_an_image_is_that_of_its_original(catalogue, picture):
    query = parts.of_image(catalogue[2], BOX)
    assert np.allclose(query.vector, searching.describe(picture(2), BOX).vector)


def test_a_part_is_described_once(catalogue, picture, described):
    photo = queries.remember(picture(2), "photo.jpg")
    described.clear()
    first, again = parts.of_photo(photo, BOX), parts.of_photo(photo, BOX)
    assert np.array_equal(first.vector, again.vector)
    assert first.space == again.space
    assert described == [BOX]
    other = parts.of_photo(queries.remember(picture(3), "other.jpg"), BOX)
    assert not np.allclose(other.vector, first.vector)


def test_what_is_no_part_is_refused_every_time(catalogue):
    for _ in range(2):
        with pytest.raises(CropRefused):
            parts.of_image(catalogue[2], Box(0, 0, 999, 999))


def test_an_image_whose_original_is_missing_is_told(catalogue):
    originals.delete(str(catalogue[2].original))
    with pytest.raises(PictureRefused, match="missing"):
        parts.of_image(catalogue[2], Box(1, 2, 33, 44))
