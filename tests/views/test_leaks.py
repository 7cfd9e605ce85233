"""What visitors do not see: counts where searching needs an account, names of accounts, and where files are."""

import logging

import pytest
from django.db import OperationalError, connection
from django.urls import reverse

from catalog.error_messages import error_message, hide_folders, staff_message
from catalog.exceptions import ImageSearchError, IndexUnavailable, Internal, StoreUnavailable
from catalog.models import Image
from catalog.services.ingest import uploads
from tests.api.conftest import token_headers
from tests.views.conftest import JSON_HEADERS, uploaded_file

pytestmark = pytest.mark.django_db


def test_pages_show_no_counts_where_searching_needs_an_account(client, catalogue, uploader, settings):
    urls = ("/accounts/login/", "/nowhere/", "/images/999/", "/upload/", "/admin/login/", "/robots.txt")
    assert "6 searchable images" in client.get("/accounts/login/").content.decode()
    settings.SEARCH_REQUIRES_LOGIN = True
    for url in urls:
        page = client.get(url, follow=True).content.decode()
        assert "searchable" not in page, url
        assert "picture-" not in page, url
    client.force_login(uploader)
    assert "6 searchable images" in client.get("/").content.decode()


def test_only_signed_in_people_see_who_uploaded_an_image(client, uploader, superuser, catalogue, picture):
    image = uploads.add_picture(picture(40), "mine.jpg", user=uploader).image
    pages = (image.get_absolute_url(), "/images/", f"/api/images/{image.pk}", "/api/images")
    for url in pages:
        assert "ursula" not in client.get(url).content.decode(), url
    client.force_login(superuser)
    assert "ursula" in client.get(pages[0]).content.decode()


def test_an_unwritable_store_is_reported_without_its_folder(client, uploader, picture, settings, caplog):
    settings.LOCKS_DIR.parent.joinpath("locks").write_bytes(b"a file where a folder belongs")
    headers = token_headers("ursula", "write")
    client.force_login(uploader)
    answers = [
        client.post("/upload/", {"files": uploaded_file(picture(0))}),
        client.post("/upload/", {"files": uploaded_file(picture(0))}, headers=JSON_HEADERS),
        client.post("/api/images", {"files": uploaded_file(picture(0))}, headers=headers),
    ]
    for response in answers:
        text = response.content.decode()
        assert response.status_code == 507
        assert "Free some space" in text
        assert str(settings.DATA_DIR) not in text
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(logged) == 3
    assert all(str(settings.DATA_DIR) in message for message in logged)


def test_a_failing_database_is_reported_without_its_address(client, caplog):
    def fail(*_: object) -> None:
        raise OperationalError('connection to server at "10.0.0.3", port 5432 failed: no password for "karl"')

    with connection.execute_wrapper(fail):
        answers = [client.get("/images/"), client.get("/api/images")]
    for response in answers:
        assert response.status_code == 503
        assert "Nothing was lost" in response.content.decode()
        assert "10.0.0.3" not in response.content.decode()
        assert "karl" not in response.content.decode()
    assert "10.0.0.3" in caplog.text


def test_a_recorded_failure_names_files_without_their_folder(client, catalogue):
    reason = "The picture could not be read: [Errno 5] Input/output error: '/srv/data/media/originals/ab/x.jpg'."
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason=reason)
    pages = [
        catalogue[0].get_absolute_url(),
        f"/api/images/{catalogue[0].pk}",
        f"{reverse('upload_status')}?ids={catalogue[0].pk}",
    ]
    for url in pages:
        page = client.get(url).content.decode()
        assert "x.jpg" in page, url
        assert "/srv" not in page, url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot open '/srv/data/a.h5': denied", "cannot open 'a.h5': denied"),
        ("cannot open '/srv/my pictures/of bags/a b.h5'", "cannot open 'a b.h5'"),
        ("name = /srv/data/, errno 5", "name = data, errno 5"),
        ("see https://example.org/a/b and a/b/c and 1/2", "see https://example.org/a/b and a/b/c and 1/2"),
        ("run /search", "run /search"),
        ("", ""),
    ],
)
def test_folders_of_absolute_paths_are_hidden(text, shown):
    assert hide_folders(text) == shown


def test_staff_see_whole_messages(tmp_path):
    folder = tmp_path / "my pictures"
    error: ImageSearchError = StoreUnavailable("{path}: {error}", path=folder, error=OSError(28, "full", str(folder)))
    assert error_message(error) == "my pictures: [Errno 28] full: 'my pictures'"
    assert staff_message(error) == str(error)
    assert str(folder) in str(error)
    error = IndexUnavailable("Milvus at {address}", address=Internal("http://10.0.0.3:19530"))
    assert (error_message(error), staff_message(error)) == ("Milvus at …", "Milvus at http://10.0.0.3:19530")
