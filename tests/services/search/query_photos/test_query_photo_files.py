"""The files of query photos: found by their token alone, private, and never half read."""

import os
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from itertools import combinations

import pytest
from django.utils import timezone

from catalog.exceptions import StoreUnavailable
from catalog.services.maintenance import leftovers
from catalog.services.search import query_photo_files
from catalog.services.search.query_photo_files import QueryPhoto, token_for
from tests.services.search.query_photos.stored import path_of, stored_paths

VISITOR, OTHER, ACCOUNT = "visitor-1", "visitor-2", "account-1"


def photo(number: int = 0, owner: str = VISITOR) -> QueryPhoto:
    token = token_for(owner, sha256(bytes(number)).hexdigest(), "a.jpg")
    return QueryPhoto(token, "Tasche 👜.jpg", b"RIFF\nWEBP" * 100, "space-key", bytes(range(256)) * 4, timezone.now())


def test_a_photo_is_read_as_it_was_written():
    written = query_photo_files.write(photo())
    read = query_photo_files.read(written.token)
    assert replace(read, expires_at=None) == replace(written, expires_at=None)
    assert abs((read.expires_at - written.expires_at).total_seconds()) < 1


def test_only_the_user_of_the_site_can_read_the_files():
    query_photo_files.write(photo())
    (path,) = stored_paths()
    modes = [oct(each.stat().st_mode & 0o777) for each in (path, path.parent, path.parent.parent)]
    assert modes == ["0o600", "0o700", "0o700"]


def test_the_token_is_that_of_owner_file_and_name():
    given = [(owner, digest, label) for owner in (VISITOR, OTHER) for digest in "ab" for label in ("a", "b")]
    tokens = [token_for(*each) for each in given]
    assert len(set(tokens)) == len(tokens)
    assert tokens == [token_for(*each) for each in given]


def test_tokens_do_not_show_which_are_of_one_owner():
    """All parts of the tokens of one owner differ as much as those of several owners."""
    keys = [urlsafe_b64decode(token_for(VISITOR, str(number), "a.jpg")) for number in range(300)]
    equal_bytes = sum(a == b for first, second in combinations(keys, 2) for a, b in zip(first, second, strict=True))
    assert equal_bytes / (300 * 299 / 2 * 24) == pytest.approx(1 / 256, rel=0.1)


def test_tokens_depend_on_the_secret_key(settings):
    token = token_for(VISITOR, "a", "b")
    settings.SECRET_KEY = "another one"
    assert token_for(VISITOR, "a", "b") != token


@pytest.mark.parametrize("token", ["", "a", "0" * 32, "../" * 10 + "..", "/etc/passwd", "a" * 31 + "\0", "ä" * 32])
def test_other_tokens_lead_to_no_photo(token):
    query_photo_files.write(photo())
    assert query_photo_files.read(token) is None


def test_a_photo_that_is_damaged_anywhere_has_expired():
    written = query_photo_files.write(photo())
    path = path_of(written.token)
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert query_photo_files.read(written.token) is None, position
        path.write_bytes(data[:position])
        assert query_photo_files.read(written.token) is None, position
    path.write_bytes(data)
    assert query_photo_files.read(written.token)


def test_a_photo_that_cannot_be_opened_has_expired():
    written = query_photo_files.write(photo())
    path_of(written.token).unlink()
    path_of(written.token).mkdir()
    assert query_photo_files.read(written.token) is None
    with pytest.raises(StoreUnavailable, match="Query photos cannot be stored in"):
        query_photo_files.write(written)


def test_a_file_that_was_written_while_the_clock_was_wrong_can_be_read():
    written = query_photo_files.write(photo())
    for seconds in (2**33, -(2**31)):
        os.utime(path_of(written.token), (seconds, seconds))
        read = query_photo_files.read(written.token)
        assert (read is not None) is (seconds > 0)


def test_files_are_found_by_their_owner():
    for number, owner in enumerate([VISITOR, OTHER, VISITOR, ACCOUNT]):
        query_photo_files.write(photo(number, owner))
    assert [len(query_photo_files.find_of(owner)) for owner in (VISITOR, OTHER, ACCOUNT)] == [2, 1, 1]
    assert sorted(file.is_account for file in query_photo_files.find_all()) == [False, False, False, True]


def test_what_a_killed_process_left_is_no_photo_and_is_swept(db):
    query_photo_files.write(photo())
    left = stored_paths()[0].with_name(".0123.tmp")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert len(stored_paths()) == len(query_photo_files.find_of(VISITOR)) == 1
    assert leftovers.sweep() == 1
    assert not left.exists()


def test_many_writers_and_readers_of_one_photo_see_it_whole():
    written = query_photo_files.write(photo())

    def write_and_read(_: int) -> bool:
        query_photo_files.write(written)
        read = query_photo_files.read(written.token)
        return read is not None and read.picture == written.picture

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write_and_read, range(40)))
    assert len(stored_paths()) == 1
