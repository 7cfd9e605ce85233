"""Saved searches, and the photos that they keep from expiring."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.exceptions import QueryPhotoExpired
from catalog.models import QueryPhoto, SavedSearch
from catalog.services.search import query_photos, saved_searches


@pytest.fixture
def photo(catalogue, picture) -> QueryPhoto:
    return query_photos.store_photo(picture(2), "photo.jpg")


def test_photo_is_kept_while_a_saved_search_uses_it(uploader, photo):
    first, second = (saved_searches.save(uploader, name, photo.get_absolute_url(), [photo]) for name in ("one", "two"))
    photo.refresh_from_db()
    assert photo.expires_at is None
    assert query_photos.get_photo(photo.token) == photo
    assert query_photos.delete_expired() == 0

    saved_searches.delete(first)
    photo.refresh_from_db()
    assert photo.expires_at is None
    saved_searches.delete(second)
    photo.refresh_from_db()
    assert timedelta(0) < photo.expires_at - timezone.now() < timedelta(days=2)
    assert query_photos.get_photo(photo.token) == photo


def test_photos_of_a_deleted_account_are_deleted(uploader, photo):
    saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    uploader.delete()
    assert not SavedSearch.objects.exists()
    assert query_photos.delete_expired() == 1
    with pytest.raises(QueryPhotoExpired):
        query_photos.get_photo(photo.token)


def test_existing_images_are_not_new_matches(uploader, photo, catalogue):
    search = saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    assert search.last_seen_image_id == catalogue[-1].pk
