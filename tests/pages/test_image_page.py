"""The page of one image, and its files."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Image, Segment
from catalog.services import store, uploads
from catalog.services.live_index import INDEX

pytestmark = pytest.mark.django_db


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_the_page_shows_the_picture_and_its_neighbours(client, catalogue):
    answer = client.get(catalogue[0].get_absolute_url())
    page = answer.content.decode()
    assert catalogue[0].original_url in page
    assert "160 × 120 pixels" in page
    assert {hit.image.pk for hit in answer.context["neighbours"]} == {image.pk for image in catalogue[1:]}


def test_a_waiting_image_says_that_it_waits(client, picture):
    image = uploads.add(picture(1), "new.jpg").image
    assert "still waiting to be described" in client.get(image.get_absolute_url()).content.decode()


def test_a_failed_image_says_why(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="The original is missing.")
    page = client.get(catalogue[0].get_absolute_url()).content.decode()
    assert "The original is missing." in page
    assert "could not be described" in page


def test_a_damaged_segment_is_told_and_does_not_take_the_page_away(client, catalogue):
    store.path_of(Segment.objects.get().name).write_bytes(b"not HDF5")
    INDEX.forget()
    answer = client.get(catalogue[0].get_absolute_url())
    assert answer.status_code == 200
    assert "check_index --repair" in answer.content.decode()
    likes = client.get(catalogue[0].similar_url)
    assert likes.status_code == 503
    assert "damaged" in likes.content.decode()


@pytest.mark.parametrize("pk", [0, 987_654, 10**30])
def test_an_image_that_is_not_there_is_not_found(client, catalogue, pk):
    answer = client.get(f"/images/{pk}/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_the_original_comes_as_it_was_sent(client, catalogue, picture):
    answer = client.get(catalogue[0].original_url)
    assert answer["Content-Type"] == "image/jpeg"
    assert body(answer) == picture(0)


def test_a_download_is_saved_under_the_files_name_even_when_the_image_has_a_title(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle", source="a/kettle.png")
    answer = client.get(f"{catalogue[0].original_url}?download")
    assert answer["Content-Disposition"] == 'attachment; filename="kettle.jpg"'


def test_files_may_be_kept_for_ever_for_their_address_is_made_from_their_bytes(client, catalogue, settings):
    for url in (catalogue[0].thumbnail_url, catalogue[0].original_url):
        answer = client.get(url)
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer["X-Content-Type-Options"] == "nosniff"
    thumbnail = client.get(catalogue[0].thumbnail_url)
    assert thumbnail["Content-Type"] == "image/jpeg"
    assert body(thumbnail).startswith(b"\xff\xd8")


def test_no_shared_cache_keeps_files_where_searching_needs_an_account(client, catalogue, settings, keeper):
    settings.SEARCH_REQUIRES_LOGIN = True
    client.force_login(keeper)
    assert client.get(catalogue[0].thumbnail_url)["Cache-Control"].startswith("private")


@pytest.mark.parametrize("field", ["thumbnail", "original"])
def test_a_missing_file_is_a_page_that_says_so(client, catalogue, field):
    default_storage.delete(str(getattr(catalogue[0], field)))
    answer = client.get(getattr(catalogue[0], f"{field}_url"))
    assert answer.status_code == 404
    assert "missing on the server" in answer.content.decode()
    assert client.get(catalogue[0].get_absolute_url()).status_code == 200


@pytest.mark.parametrize("address", ["/media/thumbnails/%00.jpg", "/media/originals/%00", "/media/originals/..%2Fdb"])
def test_what_cannot_be_a_digest_is_not_found(client, catalogue, address):
    assert client.get(address).status_code == 404


def test_a_deleted_images_files_are_not_served(client, catalogue):
    url = catalogue[0].thumbnail_url
    catalogue[0].delete()
    assert client.get(url).status_code == 404


def test_a_picture_that_browsers_cannot_show_is_shown_by_its_thumbnail(client, picture):
    image = uploads.add(picture(1, format="TIFF"), "scan.tif").image
    assert f'<img src="{image.thumbnail_url}"' in client.get(image.get_absolute_url()).content.decode()


def test_status_tells_how_images_stand(client, catalogue):
    answer = client.get(reverse("upload_status"), {"ids": f"{catalogue[0].pk},987654,x,\0,{'9' * 40}"})
    assert answer.json() == {"images": [{"id": catalogue[0].pk, "status": "indexed", "reason": ""}]}
