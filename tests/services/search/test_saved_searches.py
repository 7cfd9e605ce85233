"""Saved searches, and the photos that they keep from expiring."""

import pytest

from catalog.exceptions import ImageSearchError, QueryPhotoExpired
from catalog.models import SavedPhoto, SavedSearch
from catalog.services.search import query_photo_quota, query_photos, saved_searches
from catalog.services.search.query_photo_files import QueryPhoto
from tests.services.search.query_photos.stored import expire, stored_paths


@pytest.fixture
def photo(catalogue, picture) -> QueryPhoto:
    return query_photos.store_photo(picture(2), "photo.jpg")


def expire_and_delete() -> None:
    expire()
    query_photo_quota.delete_expired()
    assert stored_paths() == []


def test_photo_is_kept_while_a_saved_search_uses_it(uploader, photo):
    first, second = (saved_searches.save(uploader, name, photo.get_absolute_url(), [photo]) for name in ("one", "two"))
    expire_and_delete()
    for search in (first, second):
        kept = query_photos.get_photo(photo.token)
        assert kept.expires_at is None
        assert (kept.label, kept.picture, kept.descriptor) == (photo.label, photo.picture, photo.descriptor)
        search.delete()
    with pytest.raises(QueryPhotoExpired):
        query_photos.get_photo(photo.token)


def test_a_photo_is_there_until_it_expires_after_its_saved_search_was_deleted(uploader, photo):
    saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo]).delete()
    assert query_photos.get_photo(photo.token).expires_at is not None


def test_a_photo_that_is_listed_twice_is_saved_once(uploader, photo, picture):
    refining = query_photos.store_photo(picture(3), "other.jpg")
    search = saved_searches.save(uploader, "one", photo.get_absolute_url(), [refining, photo, refining])
    assert {saved.token for saved in search.photos.all()} == {photo.token, refining.token}
    assert SavedPhoto.objects.count() == 2


def test_a_photo_of_a_saved_search_is_not_stored_again_when_it_is_sent_again(uploader, photo, picture):
    saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    expire_and_delete()
    again = query_photos.store_photo(picture(2), "photo.jpg")
    assert (again.token, again.expires_at) == (photo.token, None)
    assert stored_paths() == []


def test_photos_of_a_deleted_account_are_deleted(uploader, photo):
    saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    uploader.delete()
    assert not SavedSearch.objects.exists()
    assert not SavedPhoto.objects.exists()


def test_the_photos_of_all_saved_searches_have_a_limit(uploader, photo, settings):
    saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    settings.MAX_QUERY_PHOTO_BYTES = len(photo.picture) - 1
    with pytest.raises(ImageSearchError, match="Delete a saved search first"):
        saved_searches.save(uploader, "two", photo.get_absolute_url(), [photo])
    assert SavedSearch.objects.count() == 1


def test_existing_images_are_not_new_matches(uploader, photo, catalogue):
    search = saved_searches.save(uploader, "one", photo.get_absolute_url(), [photo])
    assert search.last_seen_image_id == catalogue[-1].pk
