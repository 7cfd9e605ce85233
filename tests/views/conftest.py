"""Fixtures and helpers of the page tests."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

JSON_HEADERS = {"Accept": "application/json"}


def uploaded_file(data: bytes, name: str = "photo.jpg") -> BytesIO:
    """A file to upload with exactly this name."""
    file = BytesIO(data)
    file.name = name
    return file


@pytest.fixture
def submit_search(client: Client, catalogue: list, picture: Callable[..., bytes]) -> Callable[..., str]:
    """A function that searches with a picture and returns the URL of the results."""

    def submit(number: int = 0, name: str = "photo.jpg", **chosen: object) -> str:
        photo = SimpleUploadedFile(name, picture(number))
        response = client.post(reverse("search_submit"), {"photo": photo, **chosen})
        assert response.status_code == 302, response.content.decode()
        return response.url

    return submit


@pytest.fixture(autouse=True)
def _open_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the connection to the database, which a test that closes a response would close with it."""
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)
