"""Who may call what."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.models import Image
from tests.pages.conftest import file_of

from .conftest import basic

pytestmark = pytest.mark.django_db


def add(client: Client, picture, **options):
    return client.post("/api/images", {"files": file_of(picture(50))}, **options)


def test_reading_and_searching_need_no_account(strict, catalogue, picture):
    for address in ("health", "images", f"images/{catalogue[0].pk}", f"images/{catalogue[0].pk}/similar"):
        assert strict.get(f"/api/{address}").status_code == 200, address
    assert strict.post("/api/search", {"photo": file_of(picture(0))}).status_code == 200


def test_a_setting_has_reading_and_searching_need_an_account(strict, catalogue, picture, settings, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    for address in ("health", "images", f"images/{catalogue[0].pk}", f"images/{catalogue[0].pk}/similar"):
        answer = strict.get(f"/api/{address}")
        assert answer.status_code == 401, address
        assert answer.json()["detail"]
        assert strict.get(f"/api/{address}", headers=basic("ursula")).status_code == 200, address
    assert strict.post("/api/search", {"photo": file_of(picture(0))}).status_code == 401
    answer = strict.post("/api/search", {"photo": file_of(picture(0))}, headers=basic("ursula"))
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("ursula", "wrong"),
        basic("nobody"),
        basic("a\0b"),
        {"Authorization": "Basic ###"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic /////w=="},
    ],
)
def test_writing_without_a_valid_account_is_refused(strict, uploader, catalogue, picture, headers):
    for answer in (
        add(strict, picture, headers=headers),
        strict.delete(f"/api/images/{catalogue[0].pk}", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.json()["detail"]
    assert Image.objects.count() == len(catalogue)


def test_a_program_writes_with_name_and_password(strict, uploader, picture):
    answer = add(strict, picture, headers=basic("ursula"))
    assert answer.status_code == 200, answer.content
    assert Image.objects.get().uploaded_by == uploader


def test_an_account_without_the_right_is_told_which(strict, uploader, catalogue, picture):
    User.objects.create_user("nobody", password="a long enough word")
    answer = add(strict, picture, headers=basic("nobody"))
    assert answer.status_code == 403
    assert "catalog.add_image" in answer.json()["detail"]
    answer = strict.delete(f"/api/images/{catalogue[0].pk}", headers=basic("ursula"))
    assert answer.status_code == 403
    assert "catalog.delete_image" in answer.json()["detail"]


def test_a_session_writes_only_with_its_csrf_token(strict, uploader, picture):
    strict.force_login(uploader)
    assert add(strict, picture).status_code == 403
    strict.get("/upload/")
    token = strict.cookies["csrftoken"].value
    assert add(strict, picture, headers={"X-CSRFToken": token}).status_code == 200
