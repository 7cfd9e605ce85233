"""The page of one image."""

import pytest
from django.urls import reverse

from catalog.models import Image, Segment
from catalog.services.index import store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads

pytestmark = pytest.mark.django_db


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


def test_page_shows_thumbnail_of_unsupported_format(client, picture):
    image = uploads.add_picture(picture(1, format="TIFF"), "scan.tif").image
    assert f'<img src="{image.thumbnail_url}"' in client.get(image.get_absolute_url()).content.decode()


def test_status_returns_image_states(client, catalogue):
    response = client.get(reverse("upload_status"), {"ids": f"{catalogue[0].pk},987654,x,\0,{'9' * 40}"})
    assert response.json() == {"images": [{"id": catalogue[0].pk, "status": "indexed", "reason": ""}]}
