"""Copies of one picture stand behind the best of them."""

import io

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Image
from catalog.services import indexing, rebuilding, searching, uploads
from catalog.services.folding import folded
from tests import described


def saved_anew(data: bytes, quality: int) -> bytes:
    out = io.BytesIO()
    Pixels.open(io.BytesIO(data)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def test_a_picture_that_was_saved_anew_stands_behind_the_first(catalogue, picture):
    uploads.add(saved_anew(picture(2), 90), "again.jpg")
    indexing.index_pending()
    found = searching.search(searching.describe(picture(2)))
    hits = folded(found)
    assert [hit.image.source for hit in hits[:1]] == ["picture-2.jpg"]
    assert [copy.image.source for copy in hits[0].copies] == ["again.jpg"]
    assert len(hits) == len(found.hits) - 1
    assert [hit.image for hit in hits] == [hit.image for hit in found.hits if hit.image.source != "again.jpg"]


def test_what_only_looks_alike_stands_by_itself(catalogue, picture):
    found = searching.search(searching.describe(picture(2)))
    assert folded(found) == found.hits


@pytest.mark.django_db
def test_where_the_catalogue_has_learned_its_own_word_decides():
    vectors = described.kinds(12, 10)
    near = described.unit(vectors[[0]] + 0.002 * np.random.default_rng(1).normal(size=(3, vectors.shape[1])))
    images = described.add(np.concatenate([vectors, near.astype(np.float32)]))
    rebuilding.rebuild()
    hits = folded(searching.like(images[0], count=30))
    assert [copy.image for copy in hits[0].copies] and {hits[0].image, *(copy.image for copy in hits[0].copies)} == {
        *images[-3:]
    }
    assert all(not hit.copies for hit in hits[1:])


@pytest.mark.django_db
def test_nothing_found_folds_to_nothing(catalogue, picture):
    Image.objects.exclude(pk=catalogue[0].pk).delete()
    assert folded(searching.like(catalogue[0])) == []
