"""The page of one image, and its files."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Image, Segment
from catalog.services.index import store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads

pytestmark = pytest.mark.django_db


def response_body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_page_shows_picture_and_similar_images(client, catalogue):
    response = client.get(catalogue[0].get_absolute_url())
    page = response.content.decode()
    assert catalogue[0].original_url in page
    assert "160 × 120 pixels" in page
    assert {hit.image.pk for hit in response.context["neighbours"]} == {image.pk for image in catalogue[1:]}


def test_pending_image_shows_message(client, picture):
    image = uploads.add_picture(picture(1), "new.jpg").image
    assert "appear here once this image is indexed" in client.get(image.get_absolute_url()).content.decode()


def test_failed_image_shows_reason(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="The original is missing.")
    page = client.get(catalogue[0].get_absolute_url()).content.decode()
    assert "The original is missing." in page
    assert "could not be indexed" in page


def test_damaged_segment_is_reported_and_page_still_loads(client, catalogue):
    store.segment_path(Segment.objects.get().name).write_bytes(b"not HDF5")
    INDEX.close()
    response = client.get(catalogue[0].get_absolute_url())
    assert response.status_code == 200
    assert "check_index --repair" in response.content.decode()
    similar_page = client.get(catalogue[0].similar_url)
    assert similar_page.status_code == 503
    assert "damaged" in similar_page.content.decode()


@pytest.mark.parametrize("pk", [0, 987_654, 10**30])
def test_missing_image_is_not_found(client, catalogue, pk):
    response = client.get(f"/images/{pk}/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_original_is_served_unchanged(client, catalogue, picture):
    response = client.get(catalogue[0].original_url)
    assert response["Content-Type"] == "image/jpeg"
    assert response_body(response) == picture(0)


def test_download_uses_file_name_even_with_title(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle", source="a/kettle.png")
    response = client.get(f"{catalogue[0].original_url}?download")
    assert response["Content-Disposition"] == 'attachment; filename="kettle.jpg"'


def test_files_are_cacheable_without_limit(client, catalogue, settings):
    for url in (catalogue[0].thumbnail_url, catalogue[0].original_url):
        response = client.get(url)
        assert response["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response["X-Content-Type-Options"] == "nosniff"
    thumbnail = client.get(catalogue[0].thumbnail_url)
    assert thumbnail["Content-Type"] == "image/jpeg"
    assert response_body(thumbnail).startswith(b"\xff\xd8")


def test_files_are_private_if_search_requires_login(client, catalogue, settings, superuser):
    settings.SEARCH_REQUIRES_LOGIN = True
    client.force_login(superuser)
    assert client.get(catalogue[0].thumbnail_url)["Cache-Control"].startswith("private")


@pytest.mark.parametrize("field", ["thumbnail", "original"])
def test_missing_file_shows_error_page(client, catalogue, field):
    default_storage.delete(str(getattr(catalogue[0], field)))
    response = client.get(getattr(catalogue[0], f"{field}_url"))
    assert response.status_code == 404
    assert "missing on the server" in response.content.decode()
    assert client.get(catalogue[0].get_absolute_url()).status_code == 200


@pytest.mark.parametrize("url", ["/media/thumbnails/%00.jpg", "/media/originals/%00", "/media/originals/..%2Fdb"])
def test_invalid_digest_is_not_found(client, catalogue, url):
    assert client.get(url).status_code == 404


def test_files_of_deleted_image_are_not_served(client, catalogue):
    url = catalogue[0].thumbnail_url
    catalogue[0].delete()
    assert client.get(url).status_code == 404


def test_page_shows_thumbnail_of_unsupported_format(client, picture):
    image = uploads.add_picture(picture(1, format="TIFF"), "scan.tif").image
    assert f'<img src="{image.thumbnail_url}"' in client.get(image.get_absolute_url()).content.decode()


def test_status_returns_image_states(client, catalogue):
    response = client.get(reverse("upload_status"), {"ids": f"{catalogue[0].pk},987654,x,\0,{'9' * 40}"})
    assert response.json() == {"images": [{"id": catalogue[0].pk, "status": "indexed", "reason": ""}]}
