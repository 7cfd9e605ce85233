"""What goes wrong behind the pages is a page too."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from catalog.services import spaces

from .conftest import JSON, file_of

pytestmark = pytest.mark.django_db


def locked(execute, sql, params, many, context):
    raise OperationalError("database is locked")


def locked_for_writers(execute, sql, params, many, context):
    if sql.startswith(("INSERT", "UPDATE", "DELETE")):
        raise OperationalError("database is locked")
    return execute(sql, params, many, context)


@pytest.mark.parametrize(
    "address", ["/", "/images/", "/images/1/", "/images/1/similar/", "/search/x/", "/upload/status/?ids=1"]
)
def test_a_database_that_does_not_answer_is_a_page(client, address):
    with connection.execute_wrapper(locked):
        answer = client.get(address)
    assert answer.status_code == 503
    assert "try again" in answer.content.decode()


def test_that_page_is_shown_to_those_who_are_signed_in_too(client, uploader):
    client.force_login(uploader)
    client.raise_request_exception = False
    with connection.execute_wrapper(locked):
        for address in ("/", "/upload/", "/images/"):
            answer = client.get(address)
            assert answer.status_code == 503, address
            assert "try again" in answer.content.decode()


def test_a_script_is_told_so_in_json(client, uploader, catalogue, picture):
    client.force_login(uploader)
    with connection.execute_wrapper(locked_for_writers):
        answer = client.post("/upload/", {"files": file_of(picture(30))}, headers=JSON)
    assert answer.status_code == 503
    assert "Nothing was lost" in answer.json()["error"]


def test_searching_with_a_locked_database_is_a_page(client, catalogue, picture):
    with connection.execute_wrapper(locked_for_writers):
        answer = client.post(reverse("search_submit"), {"photo": file_of(picture(30))})
    assert answer.status_code == 503


@pytest.fixture
def without_weights(settings, tmp_path):
    """The settings name weights that are not there."""
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    spaces._extractor.cache_clear()
    yield
    spaces._extractor.cache_clear()


def test_weights_that_are_not_there_are_told_on_the_pages_of_an_empty_catalogue(client, without_weights):
    for address in ("/", "/images/"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "gone.h5" in answer.content.decode()


def test_searching_when_the_catalogues_weights_are_gone_says_so(client, catalogue, picture, without_weights):
    from catalog.models import FeatureSpace

    space = FeatureSpace.objects.get()
    description = {**space.description, "extractor": "vgg16", "weights_digest": "0" * 64}
    FeatureSpace.objects.filter(pk=space.pk).update(description=description)
    answer = client.post(reverse("search_submit"), {"photo": file_of(picture(0))})
    assert answer.status_code == 503
    assert "The network is not there" in answer.content.decode()
    assert "gone.h5" in answer.content.decode()


def test_the_compact_network_is_told_on_every_page(client, catalogue):
    for address in ("/", "/images/", catalogue[0].get_absolute_url(), "/accounts/login/", "/nowhere/"):
        page = client.get(address).content.decode()
        assert "small bundled network" in page, address
        assert "fetch_weights" in page, address


def test_a_disk_that_refuses_is_told_and_nothing_is_added(client, uploader, picture, settings):
    from catalog.models import Image

    settings.LOCKS_DIR.parent.joinpath("locks").write_bytes(b"a file where a folder belongs")
    client.force_login(uploader)
    answer = client.post("/upload/", {"files": file_of(picture(0))})
    assert answer.status_code == 507
    assert "Free some space" in answer.content.decode()
    assert not Image.objects.exists()


def test_an_address_that_leads_nowhere_is_a_page(client):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "The address is mistyped" in answer.content.decode()


def test_a_fault_of_ours_is_a_page_without_a_traceback(monkeypatch):
    monkeypatch.setattr("catalog.services.demo.examples", lambda: 1 / 0)
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 500
    assert "Something broke" in answer.content.decode()
    assert "ZeroDivisionError" not in answer.content.decode()


def test_a_host_name_that_is_not_ours_is_refused(client):
    answer = client.get("/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    assert "did not understand" in answer.content.decode()
