"""Requests that are too large are refused before anybody reads them."""

from io import BytesIO

import pytest
from django.conf import LazySettings
from django.test import Client

from catalog.middleware.body_limits import body_limit
from tests.services.search.query_photos.stored import stored_paths

pytestmark = pytest.mark.django_db
MIB = 1024 * 1024


class Unreadable(BytesIO):
    """A body that fails the test if it is read."""

    def read(self, *args: object) -> bytes:
        raise AssertionError("the body was read")


def send(client: Client, path: str, size: int, **headers: str):
    """Send the headers of a form of `size` bytes."""
    extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    content_type = "multipart/form-data; boundary=frontier"
    return client.generic(
        "POST", path, b"x", content_type, CONTENT_LENGTH=str(size), **{"wsgi.input": Unreadable(), **extra}
    )


@pytest.mark.parametrize(
    "path", ["/", "/search/", "/api/search", "/upload/", "/api/images", "/admin/catalog/import/add/"]
)
def test_a_large_body_of_a_visitor_is_refused_unread(client, path):
    response = send(client, path, 300 * MIB)
    assert response.status_code == 413
    assert b"larger than the server accepts" in response.content
    assert (response["Content-Type"] == "application/json") == path.startswith("/api/")


def test_an_invented_session_or_token_is_no_account(client):
    client.cookies["sessionid"] = "abcdefghijklmnopqrstuvwxyz012345"
    assert send(client, "/upload/", 30 * MIB).status_code == 413
    assert send(client, "/api/images", 30 * MIB, authorization="Bearer is_abcdefgh_0123456789").status_code == 413


def test_who_has_an_account_may_send_many_files_at_once(client, uploader):
    client.force_login(uploader)
    with pytest.raises(AssertionError, match="the body was read"):
        send(client, "/upload/", 300 * MIB)
    assert send(client, "/upload/", 3000 * MIB).status_code == 413
    assert send(client, "/search/", 300 * MIB).status_code == 413


def test_the_limits_follow_the_settings(settings: LazySettings):
    settings.MAX_QUERY_BYTES, settings.MAX_REQUEST_BYTES = 7 * MIB, 70 * MIB
    form = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert body_limit("/api/search") == (7 * MIB + form, 7 * MIB + form)
    assert body_limit("/api/images") == (form, 70 * MIB)
    assert body_limit("/api/images/1") == (form, form)


def test_a_search_with_a_photo_is_let_through(client, catalogue, picture):
    photo = BytesIO(picture(1))
    photo.name = "photo.jpg"
    assert client.post("/search/", {"photo": photo}).status_code == 302
    assert len(stored_paths()) == 1
