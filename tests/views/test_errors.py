"""Errors are shown as pages with a message."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from catalog.services.index import spaces
from tests.removed_network import use_removed_network
from tests.views.conftest import JSON_HEADERS, uploaded_file

pytestmark = pytest.mark.django_db


def raise_database_locked(execute, sql, params, many, context):
    raise OperationalError("database is locked")


def raise_locked_on_write(execute, sql, params, many, context):
    if sql.startswith(("INSERT", "UPDATE", "DELETE")):
        raise OperationalError("database is locked")
    return execute(sql, params, many, context)


@pytest.mark.parametrize(
    "url", ["/", "/images/", "/images/1/", "/images/1/similar/", "/search/x/", "/upload/status/?ids=1"]
)
def test_database_error_shows_error_page(client, url):
    with connection.execute_wrapper(raise_database_locked):
        response = client.get(url)
    assert response.status_code == 503
    assert "Try again" in response.content.decode()


def test_database_error_shows_error_page_to_signed_in_user(client, uploader):
    client.force_login(uploader)
    client.raise_request_exception = False
    with connection.execute_wrapper(raise_database_locked):
        for url in ("/", "/upload/", "/images/"):
            response = client.get(url)
            assert response.status_code == 503, url
            assert "Try again" in response.content.decode()


def test_script_gets_json_error(client, uploader, catalogue, picture):
    client.force_login(uploader)
    with connection.execute_wrapper(raise_locked_on_write):
        response = client.post("/upload/", {"files": uploaded_file(picture(30))}, headers=JSON_HEADERS)
    assert response.status_code == 503
    assert "Nothing was lost" in response.json()["error"]


@pytest.fixture
def missing_weights(settings, tmp_path):
    """The settings name a weights file that does not exist."""
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    spaces._build_extractor.cache_clear()
    yield
    spaces._build_extractor.cache_clear()


def test_missing_weights_are_reported_to_staff_only(client, superuser, missing_weights):
    for url in ("/", "/images/"):
        response = client.get(url)
        assert response.status_code == 200
        assert "gone.h5" not in response.content.decode()
    client.force_login(superuser)
    assert "gone.h5" in client.get("/admin/").content.decode()


def test_search_without_weights_of_catalogue_is_reported(client, catalogue, picture, missing_weights):
    from catalog.models import FeatureSpace

    space = FeatureSpace.objects.get()
    description = {**space.description, "extractor": "vgg16", "weights_digest": "0" * 64}
    FeatureSpace.objects.filter(pk=space.pk).update(description=description)
    response = client.post(reverse("search_submit"), {"photo": uploaded_file(picture(0))})
    assert response.status_code == 503
    assert "The model weights are missing" in response.content.decode()
    assert "gone.h5" in response.content.decode()


def test_a_removed_network_is_reported_to_staff_only(client, superuser, catalogue):
    use_removed_network()
    public_urls = ("/", "/images/", catalogue[0].get_absolute_url(), "/nowhere/")
    for url in (*public_urls, "/accounts/login/", "/admin/login/"):
        assert "no longer part of the program" not in client.get(url).content.decode(), url
    client.force_login(superuser)
    for url in public_urls:
        assert "no longer part of the program" not in client.get(url).content.decode(), url
    page = client.get("/admin/").content.decode()
    assert "no longer part of the program" in page
    assert "rebuild_index --reextract" in page


def test_storage_error_is_reported_and_nothing_is_added(client, uploader, picture, settings):
    from catalog.models import Image

    settings.LOCKS_DIR.parent.joinpath("locks").write_bytes(b"a file where a folder belongs")
    client.force_login(uploader)
    response = client.post("/upload/", {"files": uploaded_file(picture(0))})
    assert response.status_code == 507
    assert "Free some space" in response.content.decode()
    assert not Image.objects.exists()


def test_unknown_url_shows_error_page(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "The address is wrong" in response.content.decode()


def test_server_error_page_has_no_traceback(monkeypatch):
    monkeypatch.setattr("catalog.services.ingest.demo.example_photos", lambda: 1 / 0)
    response = Client(raise_request_exception=False).get("/")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert "ZeroDivisionError" not in response.content.decode()


def test_unknown_host_name_is_rejected(client):
    response = client.get("/", headers={"Host": "elsewhere.example"})
    assert response.status_code == 400
    assert "Bad request" in response.content.decode()
