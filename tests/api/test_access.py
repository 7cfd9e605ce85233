"""Authentication and permissions of the API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from catalog.models import ApiToken, Image
from catalog.services.accounts import tokens
from tests.api.conftest import basic_auth_headers, bearer, token_headers
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
    headers = token_headers("ursula", "search", "read")
    for url in ("health", "images", f"images/{catalogue[0].pk}", f"images/{catalogue[0].pk}/similar"):
        response = csrf_client.get(f"/api/{url}")
        assert response.status_code == 401, url
        assert response.json()["detail"]
        assert response["WWW-Authenticate"] == "Bearer"
        assert csrf_client.get(f"/api/{url}", headers=headers).status_code == 200, url
    assert csrf_client.post("/api/search", {"photo": uploaded_file(picture(0))}).status_code == 401
    response = csrf_client.post("/api/search", {"photo": uploaded_file(picture(0))}, headers=headers)
    assert response.status_code == 200, response.content


UNKNOWN_TOKEN = f"imagesearch_{'0' * 12}_{'0' * 64}"


@pytest.mark.parametrize("basic_auth", [False, True])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic_auth_headers("ursula", "wrong"),
        basic_auth_headers("nobody"),
        basic_auth_headers("a\0b"),
        {"Authorization": "Basic ###"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer token"},
        {"Authorization": "Bearer \x00é"},
        {"Authorization": f"Bearer {UNKNOWN_TOKEN}"},
        {"Authorization": "Basic /////w=="},
    ],
)
def test_write_operations_need_a_valid_account(
    csrf_client, uploader, catalogue, picture, headers, basic_auth, settings
):
    settings.BASIC_AUTH = basic_auth
    for response in (
        upload(csrf_client, picture, headers=headers),
        csrf_client.delete(f"/api/images/{catalogue[0].pk}", headers=headers),
    ):
        assert response.status_code == 401
        assert response.json()["detail"]
    assert Image.objects.count() == len(catalogue)


def test_a_token_allows_writing(csrf_client, uploader, picture):
    response = upload(csrf_client, picture, headers=token_headers("ursula", "write"))
    assert response.status_code == 200, response.content
    assert Image.objects.get().uploaded_by == uploader


def test_basic_authentication_needs_its_setting(csrf_client, uploader, picture, settings):
    assert upload(csrf_client, picture, headers=basic_auth_headers("ursula")).status_code == 401
    settings.BASIC_AUTH = True
    response = upload(csrf_client, picture, headers=basic_auth_headers("ursula"))
    assert response.status_code == 200, response.content
    assert Image.objects.get().uploaded_by == uploader


def test_missing_permission_is_named(csrf_client, uploader, catalogue, picture):
    User.objects.create_user("nobody")
    response = upload(csrf_client, picture, headers=token_headers("nobody"))
    assert response.status_code == 403
    assert "catalog.add_image" in response.json()["detail"]
    response = csrf_client.delete(f"/api/images/{catalogue[0].pk}", headers=token_headers("ursula"))
    assert response.status_code == 403
    assert "catalog.delete_image" in response.json()["detail"]


SCOPES_OF_OPERATIONS = {
    ("get", "health"): "read",
    ("get", "images"): "read",
    ("get", "images/{pk}"): "read",
    ("get", "images/{pk}/similar"): "search",
    ("get", "images/{pk}/why/{other}"): "search",
    ("post", "search"): "search",
    ("post", "images"): "write",
    ("delete", "images/{pk}"): "write",
}


def test_a_token_is_good_for_the_operations_of_its_scope_alone(csrf_client, superuser, catalogue, picture):
    for scope in ("search", "read", "write", "admin"):
        headers = token_headers("karl", scope)
        for (method, path), needed in SCOPES_OF_OPERATIONS.items():
            photo = {"photo": uploaded_file(picture(0)), "files": uploaded_file(picture(0))}
            url = f"/api/{path}".format(pk=Image.objects.last().pk, other=catalogue[-1].pk)
            response = getattr(csrf_client, method)(url, photo if method == "post" else None, headers=headers)
            allowed = scope in (needed, "admin")
            assert response.status_code in ((200, 204) if allowed else (403,)), (scope, method, path)
            assert allowed or f"lacks the scope {needed}" in response.json()["detail"]


def test_every_operation_names_its_scope(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    described = {
        (method, path.removeprefix("/api/")): operation["description"].rpartition("scope ")[2].strip("`.")
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert described == SCOPES_OF_OPERATIONS


def test_a_token_that_is_not_valid_is_refused_even_where_no_account_is_needed(csrf_client, uploader, catalogue):
    token, text = tokens.create_token(uploader, ["read"])
    assert csrf_client.get("/api/images", headers=bearer(text)).status_code == 200
    tokens.revoke([token])
    assert csrf_client.get("/api/images", headers=bearer(text)).status_code == 401
    token, text = tokens.create_token(uploader, ["read"])
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert csrf_client.get("/api/images", headers=bearer(text)).status_code == 401
    _, text = tokens.create_token(uploader, ["read"])
    uploader.is_active = False
    uploader.save()
    assert csrf_client.get("/api/images", headers=bearer(text)).status_code == 401


def test_a_token_beside_a_session_decides(csrf_client, uploader, superuser, catalogue):
    csrf_client.force_login(superuser)
    url = f"/api/images/{catalogue[0].pk}"
    assert csrf_client.delete(url, headers=token_headers("ursula")).status_code == 403
    assert csrf_client.delete(url, headers=token_headers("karl")).status_code == 204


def test_session_needs_csrf_token_to_write(csrf_client, uploader, picture):
    csrf_client.force_login(uploader)
    assert upload(csrf_client, picture).status_code == 403
    csrf_client.get("/upload/")
    token = csrf_client.cookies["csrftoken"].value
    assert upload(csrf_client, picture, headers={"X-CSRFToken": token}).status_code == 200
