"""Searches that are kept, and their photos with them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.exceptions import QueryGone
from catalog.models import QueryPhoto, SavedSearch
from catalog.services import queries, saved


@pytest.fixture
def photo(catalogue, picture) -> QueryPhoto:
    return queries.remember(picture(2), "photo.jpg")


def test_a_photo_is_kept_as_long_as_a_search_keeps_it(uploader, photo):
    first, second = (saved.keep(uploader, name, photo.get_absolute_url(), [photo]) for name in ("one", "two"))
    photo.refresh_from_db()
    assert photo.expires_at is None
    assert queries.find(photo.token) == photo
    assert queries.sweep() == 0

    saved.forget(first)
    photo.refresh_from_db()
    assert photo.expires_at is None
    saved.forget(second)
    photo.refresh_from_db()
    assert timedelta(0) < photo.expires_at - timezone.now() < timedelta(days=2)
    assert queries.find(photo.token) == photo


def test_photos_of_a_deleted_account_are_swept(uploader, photo):
    saved.keep(uploader, "one", photo.get_absolute_url(), [photo])
    uploader.delete()
    assert not SavedSearch.objects.exists()
    assert queries.sweep() == 1
    with pytest.raises(QueryGone):
        queries.find(photo.token)


def test_what_there_is_already_is_not_new(uploader, photo, catalogue):
    search = saved.keep(uploader, "one", photo.get_absolute_url(), [photo])
    assert search.seen_up_to == catalogue[-1].pk
