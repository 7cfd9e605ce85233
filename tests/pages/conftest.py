"""What the tests of the pages share."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

JSON = {"Accept": "application/json"}


def file_of(data: bytes, name: str = "photo.jpg") -> BytesIO:
    """A file to post, under that very name."""
    file = BytesIO(data)
    file.name = name
    return file


@pytest.fixture
def search(client: Client, catalogue: list, picture: Callable[..., bytes]) -> Callable[..., str]:
    """A function that searches with a picture, and returns the address of its results."""

    def submit(number: int = 0, name: str = "photo.jpg", **chosen: object) -> str:
        photo = SimpleUploadedFile(name, picture(number))
        answer = client.post(reverse("search_submit"), {"photo": photo, **chosen})
        assert answer.status_code == 302, answer.content.decode()
        return answer.url

    return submit
