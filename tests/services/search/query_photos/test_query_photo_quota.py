"""Query photos are stored once, small, and only as many as the settings allow."""

from io import BytesIO

import numpy as np
import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.db import connection
from PIL import Image as Pixels

from catalog.exceptions import Overloaded
from catalog.models import QueryPhoto
from catalog.services.search import query_photo_quota, query_photos, saved_searches

VISITOR, OTHER, ACCOUNT = "visitor-1", "visitor-2", "account-1"


@pytest.fixture(autouse=True)
def no_margin(catalogue, monkeypatch: pytest.MonkeyPatch):
    """The next picture is expected to take no space, so that tests can count bytes."""
    monkeypatch.setattr(query_photo_quota, "LARGEST_PICTURE_BYTES", 0)


@pytest.fixture
def store(picture):
    """A function that stores query photo `number` for an owner and returns it."""
    return lambda number, owner=VISITOR, name="a.jpg": query_photos.store_photo(picture(number), name, owner)


def save(user: User, photo: QueryPhoto) -> QueryPhoto:
    """Save a search with this photo."""
    saved_searches.save(user, "saved", photo.get_absolute_url(), [photo])
    return photo


def owners() -> list[str]:
    return list(QueryPhoto.objects.order_by("pk").values_list("owner", flat=True))


def test_the_same_photo_is_stored_once_for_each_owner_and_name(store):
    first = store(1)
    assert store(1) == first
    assert store(1).expires_at > first.expires_at, "it is kept longer"
    assert len({first.token, store(1, OTHER).token, store(1, name="b.jpg").token, store(2).token}) == 4
    assert QueryPhoto.objects.count() == 4


def test_a_photo_of_a_saved_search_does_not_expire_when_it_is_sent_again(store, uploader):
    photo = save(uploader, store(1))
    assert store(1) == photo
    assert QueryPhoto.objects.get().expires_at is None


def test_even_noise_is_stored_small():
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    out = BytesIO()
    Pixels.fromarray(noise).save(out, "PNG")
    photo = query_photos.store_photo(out.getvalue(), "noise.png", VISITOR)
    assert photo.picture_bytes == len(photo.picture) < 512 * 1024
    assert max(photo.size()) == 1024


def test_an_owner_keeps_the_newest_photos(store, settings: LazySettings):
    settings.MAX_QUERY_PHOTOS = 2
    store(0, OTHER)
    _first, second, third = (store(number) for number in range(3))
    assert set(QueryPhoto.objects.filter(owner=VISITOR)) == {second, third}
    assert QueryPhoto.objects.filter(owner=OTHER).count() == 1


def test_the_oldest_photos_of_visitors_make_room_for_others(store, settings: LazySettings):
    photos = [store(0, ACCOUNT), store(1), store(2, OTHER)]
    settings.MAX_QUERY_PHOTO_BYTES = sum(photo.picture_bytes for photo in photos) - 1
    store(3, ACCOUNT)
    assert owners() == [ACCOUNT, OTHER, ACCOUNT]


def test_photos_of_accounts_and_saved_searches_are_kept_and_visitors_are_asked_to_wait(
    store, uploader, settings: LazySettings
):
    store(0, ACCOUNT)
    save(uploader, store(1))
    settings.MAX_QUERY_PHOTO_BYTES = 10
    with pytest.raises(Overloaded) as raised:
        store(2)
    assert raised.value.retry_after > 0
    assert owners() == [ACCOUNT, VISITOR]


def test_the_quota_reads_no_pictures():
    """To read a column that is behind a picture, SQLite reads the picture: the quota needs an index."""
    if connection.vendor != "sqlite":
        pytest.skip("the plan of SQLite")
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN SELECT SUM(picture_bytes) FROM catalog_queryphoto")
        assert "COVERING INDEX" in str(cursor.fetchall())
