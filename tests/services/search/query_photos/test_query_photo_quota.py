"""Query photos are stored once, small, and only as many as the settings allow."""

import json
import time
from io import BytesIO

import numpy as np
import pytest
from django.conf import LazySettings
from PIL import Image as Pixels

from catalog.services.search import query_photo_files, query_photo_quota, query_photos
from catalog.services.search.query_photo_files import QueryPhoto
from tests.processes import Installation, read_json_output
from tests.services.search.query_photos.stored import expire, stored_paths

VISITOR, OTHER, ACCOUNT = "visitor-1", "visitor-2", "account-1"


@pytest.fixture
def store(catalogue, picture):
    """A function that stores query photo `number` for an owner and returns it."""

    def store_later(number: int, owner: str = VISITOR, name: str = "a.jpg") -> QueryPhoto:
        time.sleep(0.01)  # so that the files have an order
        return query_photos.store_photo(picture(number), name, owner)

    return store_later


def is_stored(photo: QueryPhoto) -> bool:
    return query_photo_files.read(photo.token) is not None


def test_the_same_photo_is_stored_once_for_each_owner_and_name(store):
    first = store(1)
    again = store(1)
    assert (again.token, again.descriptor) == (first.token, first.descriptor)
    assert again.expires_at > first.expires_at, "it is kept longer"
    assert query_photos.get_photo(first.token).expires_at > first.expires_at
    assert len({first.token, store(1, OTHER).token, store(1, name="b.jpg").token, store(2).token}) == 4
    assert len(stored_paths()) == 4


def test_a_photo_that_is_sent_again_is_not_decoded_again(store, monkeypatch):
    first = store(1)
    monkeypatch.setattr(query_photos.queries, "render_photo", None)
    assert store(1).token == first.token


def test_even_noise_is_stored_small(catalogue):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    out = BytesIO()
    Pixels.fromarray(noise).save(out, "PNG")
    photo = query_photos.store_photo(out.getvalue(), "noise.png", VISITOR)
    assert len(photo.picture) < query_photos.MAX_STORED_BYTES
    assert stored_paths()[0].stat().st_size < query_photos.MAX_STORED_BYTES + 10_000
    assert max(query_photos.picture_size(photo)) == 1024


def test_an_owner_keeps_the_newest_photos(store, settings: LazySettings):
    settings.MAX_QUERY_PHOTOS = 2
    other = store(0, OTHER)
    first, second, third = (store(number) for number in range(3))
    assert [is_stored(photo) for photo in (other, first, second, third)] == [True, False, True, True]
    store(1)  # the second is sent again, so the third is the oldest now
    fourth = store(4)
    assert [is_stored(photo) for photo in (second, third, fourth)] == [True, False, True]


def fill(settings: LazySettings) -> None:
    """Set the limit so that one more photo does not fit, and one does once the oldest is deleted."""
    settings.MAX_QUERY_PHOTO_BYTES = sum(path.stat().st_size for path in stored_paths()) + 100


def test_the_oldest_photos_of_visitors_make_room_for_others(store, settings: LazySettings):
    account, first, second = store(0, ACCOUNT), store(1), store(2, OTHER)
    fill(settings)
    newest = store(3, ACCOUNT)
    assert [is_stored(photo) for photo in (account, first, second, newest)] == [True, False, True, True]


def test_photos_of_accounts_make_room_when_there_are_no_others(store, settings: LazySettings):
    first, second = store(0, ACCOUNT), store(1, ACCOUNT)
    fill(settings)
    newest = store(2)
    assert [is_stored(photo) for photo in (first, second, newest)] == [False, True, True]


def test_expired_photos_make_room_first(store, settings: LazySettings):
    visitor, account = store(0), store(1, ACCOUNT)
    expire(account.token)
    fill(settings)
    newest = store(2)
    assert [is_stored(photo) for photo in (visitor, account, newest)] == [True, False, True]
    assert len(stored_paths()) == 2


def test_a_photo_that_was_sent_again_is_not_the_oldest(store, settings: LazySettings):
    """Although it was when the photos were counted."""
    first, second = store(1), store(2)
    query_photo_quota.make_room(OTHER, 0)
    store(1)
    fill(settings)
    newest = store(3)
    assert [is_stored(photo) for photo in (first, second, newest)] == [True, False, True]


def test_the_limit_holds_however_many_are_stored(settings: LazySettings, monkeypatch):
    monkeypatch.setattr(query_photo_quota, "MAX_OLDEST", 7)
    settings.MAX_QUERY_PHOTO_BYTES = 100_000
    for number in range(100):
        query_photo_quota.make_room(VISITOR, 5000)
        token = query_photo_files.token_for(VISITOR, str(number), "a")
        query_photo_files.write(QueryPhoto(token, "a", bytes(4900), "s", b"", None))
        assert sum(file.size for file in query_photo_files.find_all()) <= 100_000
    assert len(stored_paths()) in (19, 20)


def test_not_every_search_counts_all_photos(settings: LazySettings, monkeypatch):
    """Neither far below the limit nor at it."""
    counted = []
    find_all = query_photo_files.find_all
    monkeypatch.setattr(query_photo_files, "find_all", lambda: counted.append(1) or find_all())
    settings.MAX_QUERY_PHOTO_BYTES = 1_000_000
    settings.MAX_QUERY_PHOTOS = 150
    for number in range(300):
        owner = VISITOR if number < 250 else f"{VISITOR}-{number}"
        query_photo_quota.make_room(owner, 5000)
        token = query_photo_files.token_for(owner, str(number), "a")
        query_photo_files.write(QueryPhoto(token, "a", bytes(4900), "s", b"", None))
    assert len(counted) == 2, "the first one, and when there was no room"


def test_what_other_processes_stored_is_counted_within_a_minute(settings: LazySettings, monkeypatch):
    query_photo_quota.make_room(VISITOR, 1)
    other = query_photo_files.token_for(OTHER, "1", "a")
    query_photo_files.write(QueryPhoto(other, "a", bytes(9000), "s", b"", None))
    settings.MAX_QUERY_PHOTO_BYTES = 8000
    query_photo_quota.make_room(VISITOR, 1)
    assert len(stored_paths()) == 1
    later = time.monotonic() + query_photo_quota.COUNT_SECONDS + 1
    monkeypatch.setattr(query_photo_quota.time, "monotonic", lambda: later)
    query_photo_quota.make_room(VISITOR, 1)
    assert stored_paths() == []


def test_only_expired_photos_are_deleted(store):
    old, young = store(1), store(2)
    expire(old.token)
    assert query_photo_quota.delete_expired() == 1
    assert [is_stored(old), is_stored(young)] == [False, True]
    assert len(stored_paths()) == 1


SEARCHING = """
import json
from django.conf import settings
from catalog.services.search import query_photo_files, query_photo_quota
from catalog.services.search.query_photo_files import QueryPhoto

settings.MAX_QUERY_PHOTOS, settings.MAX_QUERY_PHOTO_BYTES = 5, 100_000
for number in range(100):
    owner = f"visitor-{number % 9}"
    token = query_photo_files.token_for(owner, str(number), "a.jpg")
    query_photo_quota.make_room(owner, 5000)
    query_photo_files.write(QueryPhoto(token, "a.jpg", bytes(5000), "s", b"", None))
    query_photo_files.read(token)
    if number % 10 == 0:
        query_photo_quota.delete_expired()
print(json.dumps(sum(file.size for file in query_photo_files.find_all())))
"""


def test_processes_that_store_and_delete_the_same_photos_do_not_fail(installation: Installation):
    processes = [installation.start(SEARCHING) for _ in range(2)]
    sizes = [read_json_output(process) for process in processes]
    assert max(sizes) <= 200_000, json.dumps(sizes)
