"""Query photos are stored for a limited time, outside the catalogue."""

import io
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as Pixels

from catalog.exceptions import NoIndexedImages, PictureRejected, QueryPhotoExpired
from catalog.models import FeatureSpace, Image
from catalog.services.index import rebuilding, spaces
from catalog.services.maintenance import orphans
from catalog.services.search import queries, query_photo_files, query_photos, ranking
from catalog.services.search.query_photo_files import QueryPhoto
from tests import indexed_images
from tests.services.search.query_photos.stored import expire, stored_paths


def stored_photo(photo: QueryPhoto) -> Pixels.Image:
    return Pixels.open(io.BytesIO(photo.picture))


def test_photo_is_stored_with_descriptor_and_finds_itself(catalogue, picture):
    photo = query_photos.store_photo(picture(3), "../my photo.jpg")
    assert photo.label == "my photo.jpg"
    hit = ranking.search(query_photos.photo_query(photo)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (catalogue[3], True)


def test_photo_is_not_added_to_catalogue(catalogue, picture, settings):
    before = sorted(settings.MEDIA_ROOT.rglob("*"))
    query_photos.store_photo(picture(99), "mine.jpg")
    assert Image.objects.count() == 6
    assert sorted(settings.MEDIA_ROOT.rglob("*")) == before
    assert not orphans.find_orphans()


def test_stored_photo_is_reduced_and_has_no_metadata(catalogue, picture):
    exif = Pixels.Exif()
    exif[0x010E] = "who was where"
    photo = query_photos.store_photo(picture(1, size=(3000, 1500), exif=exif), "large.jpg")
    assert stored_photo(photo).size == (1024, 512)
    assert stored_photo(photo).format == "WEBP"
    assert not stored_photo(photo).getexif()


def test_tokens_are_long_and_unique(catalogue, picture):
    tokens = {query_photos.store_photo(picture(number), "a.jpg").token for number in range(5)}
    assert len(tokens) == 5
    assert min(map(len, tokens)) >= 20


def test_photo_expires_after_query_hours(catalogue, picture, settings):
    settings.QUERY_HOURS = 2
    photo = query_photos.store_photo(picture(1), "a.jpg")
    assert photo.expires_at - timezone.now() == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=1))
    assert query_photos.get_photo(photo.token).expires_at - photo.expires_at < timedelta(seconds=1)
    expire(photo.token)
    with pytest.raises(QueryPhotoExpired):
        query_photos.get_photo(photo.token)


def test_an_expired_photo_that_is_sent_again_is_stored_again(catalogue, picture):
    photo = query_photos.store_photo(picture(1), "a.jpg")
    expire()
    again = query_photos.store_photo(picture(1), "a.jpg")
    assert (again.token, again.picture) == (photo.token, photo.picture)
    assert query_photos.get_photo(photo.token).expires_at > timezone.now()


def test_rejected_photo_is_not_stored(catalogue):
    with pytest.raises(PictureRejected):
        query_photos.store_photo(b"words", "a.jpg")
    assert not stored_paths()


def test_photo_is_not_stored_without_searchable_images(db, picture):
    with pytest.raises(NoIndexedImages):
        query_photos.store_photo(picture(1), "a.jpg")
    assert not stored_paths()


def test_photo_is_extracted_again_in_new_space(catalogue, picture, monkeypatch):
    photo = query_photos.store_photo(picture(3), "a.jpg")
    before = query_photos.photo_query(photo)
    older = replace(photo, space_key="an older space", descriptor=np.ones(3, "<f4").tobytes())
    query_photo_files.write(older)
    again = query_photos.photo_query(query_photos.get_photo(photo.token))
    assert again.vector @ before.vector > 0.9
    assert again.space.key == spaces.active_generation().space.key
    monkeypatch.setattr(queries, "extract_query", None)
    cached = query_photos.photo_query(query_photos.get_photo(photo.token))
    assert np.array_equal(cached.vector, again.vector)
    assert FeatureSpace.objects.count() == 1


def test_narrow_photo_is_extracted_again(catalogue, picture):
    photo = query_photos.store_photo(picture(3, size=(4000, 20)), "a.jpg")
    assert min(stored_photo(photo).size) < 16
    photo = replace(photo, space_key="an older space")
    assert np.linalg.norm(query_photos.photo_query(photo).vector) == pytest.approx(1, abs=1e-5)


def test_photo_stored_before_a_rebuild_still_finds_itself(catalogue, picture):
    photo = query_photos.store_photo(picture(3), "a.jpg")
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    stored = query_photos.get_photo(photo.token)
    hit = ranking.search(query_photos.photo_query(stored)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (catalogue[3], True)
    # The stored descriptor is not projected, so it stays valid.
    assert stored.descriptor == photo.descriptor
