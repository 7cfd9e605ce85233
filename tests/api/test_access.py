"""Authentication and permissions of the API."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.models import Image
from tests.api.conftest import basic_auth_headers
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


def upload(client: Client, picture, **options):
    return client.post("/api/images", {"files": uploaded_file(picture(50))}, **options)


def test_read_operations_need_no_account(csrf_client, catalogue, picture):
    for url in ("health", "images", f"images/{catalogue[0].pk}", f"images/{catalogue[0].pk}/similar"):
        assert csrf_client.get(f"/api/{url}").status_code == 200, url
    assert csrf_client.post("/api/search", {"photo": uploaded_file(picture(0))}).status_code == 200


def test_search_requires_login_setting_protects_read_operations(csrf_client, catalogue, picture, settings, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    for url in ("health", "images", f"images/{catalogue[0].pk}", f"images/{catalogue[0].pk}/similar"):
        response = csrf_client.get(f"/api/{url}")
        assert response.status_code == 401, url
        assert response.json()["detail"]
        assert csrf_client.get(f"/api/{url}", headers=basic_auth_headers("ursula")).status_code == 200, url
    assert csrf_client.post("/api/search", {"photo": uploaded_file(picture(0))}).status_code == 401
    response = csrf_client.post(
        "/api/search", {"photo": uploaded_file(picture(0))}, headers=basic_auth_headers("ursula")
    )
    assert response.status_code == 200, response.content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic_auth_headers("ursula", "wrong"),
        basic_auth_headers("nobody"),
        basic_auth_headers("a\0b"),
        {"Authorization": "Basic ###"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic /////w=="},
    ],
)
def test_write_operations_need_a_valid_account(csrf_client, uploader, catalogue, picture, headers):
    for response in (
        upload(csrf_client, picture, headers=headers),
        csrf_client.delete(f"/api/images/{catalogue[0].pk}", headers=headers),
    ):
        assert response.status_code == 401
        assert response.json()["detail"]
    assert Image.objects.count() == len(catalogue)


def test_basic_authentication_allows_writing(csrf_client, uploader, picture):
    response = upload(csrf_client, picture, headers=basic_auth_headers("ursula"))
    assert response.status_code == 200, response.content
    assert Image.objects.get().uploaded_by == uploader


def test_missing_permission_is_named(csrf_client, uploader, catalogue, picture):
    User.objects.create_user("nobody", password="a long enough word")
    response = upload(csrf_client, picture, headers=basic_auth_headers("nobody"))
    assert response.status_code == 403
    assert "catalog.add_image" in response.json()["detail"]
    response = csrf_client.delete(f"/api/images/{catalogue[0].pk}", headers=basic_auth_headers("ursula"))
    assert response.status_code == 403
    assert "catalog.delete_image" in response.json()["detail"]


def test_session_needs_csrf_token_to_write(csrf_client, uploader, picture):
    csrf_client.force_login(uploader)
    assert upload(csrf_client, picture).status_code == 403
    csrf_client.get("/upload/")
    token = csrf_client.cookies["csrftoken"].value
    assert upload(csrf_client, picture, headers={"X-CSRFToken": token}).status_code == 200
