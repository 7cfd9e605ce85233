"""Query photos are stored for a limited time, outside the catalogue."""

import io
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as Pixels

from catalog.exceptions import NoIndexedImages, PictureRejected
from catalog.models import FeatureSpace, Image, QueryPhoto
from catalog.services.index import rebuilding, spaces
from catalog.services.maintenance import orphans
from catalog.services.search import query_photos, ranking
from tests import indexed_images


def stored_photo(photo: QueryPhoto) -> Pixels.Image:
    return Pixels.open(io.BytesIO(bytes(photo.picture)))


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


def test_only_expired_photos_are_deleted(catalogue, picture):
    old, young = query_photos.store_photo(picture(1), "a.jpg"), query_photos.store_photo(picture(2), "b.jpg")
    QueryPhoto.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert query_photos.delete_expired() == 1
    assert QueryPhoto.objects.get() == young


def test_storing_a_photo_deletes_expired_photos(catalogue, picture):
    old = query_photos.store_photo(picture(1), "a.jpg")
    QueryPhoto.objects.update(expires_at=timezone.now())
    query_photos.store_photo(picture(2), "b.jpg")
    assert not QueryPhoto.objects.filter(pk=old.pk).exists()


def test_rejected_photo_is_not_stored(catalogue):
    with pytest.raises(PictureRejected):
        query_photos.store_photo(b"words", "a.jpg")
    assert not QueryPhoto.objects.exists()


def test_photo_is_not_stored_without_searchable_images(db, picture):
    with pytest.raises(NoIndexedImages):
        query_photos.store_photo(picture(1), "a.jpg")
    assert not QueryPhoto.objects.exists()


def test_photo_is_extracted_again_in_new_space(catalogue, picture):
    photo = query_photos.store_photo(picture(3), "a.jpg")
    before = query_photos.photo_query(photo)
    photo.space_key, photo.descriptor = "an older space", np.ones(3, "<f4").tobytes()
    photo.save()
    again = query_photos.photo_query(QueryPhoto.objects.get())
    assert again.vector @ before.vector > 0.9
    assert QueryPhoto.objects.get().space_key == spaces.active_generation().space.key
    assert FeatureSpace.objects.count() == 1


def test_narrow_photo_is_extracted_again(catalogue, picture):
    photo = query_photos.store_photo(picture(3, size=(4000, 20)), "a.jpg")
    assert min(stored_photo(photo).size) < 16
    photo.space_key = "an older space"
    assert np.linalg.norm(query_photos.photo_query(photo).vector) == pytest.approx(1, abs=1e-5)


def test_photo_stored_before_a_rebuild_still_finds_itself(catalogue, picture):
    photo = query_photos.store_photo(picture(3), "a.jpg")
    before = bytes(photo.descriptor)
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    rebuilding.rebuild()
    hit = ranking.search(query_photos.photo_query(QueryPhoto.objects.get())).hits[0]
    assert (hit.image, hit.score >= 0.999) == (catalogue[3], True)
    # The stored descriptor is not projected, so it stays valid.
    assert bytes(QueryPhoto.objects.get().descriptor) == before
