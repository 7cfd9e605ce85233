"""Thumbnails and originals: who gets which bytes, for how long they are cached, and parts of them."""

import io

import pytest
from django.contrib.auth.models import Permission
from django.core.files.storage import default_storage
from PIL import ExifTags
from PIL import Image as Pixels

from catalog.exceptions import StoreUnavailable
from catalog.imaging.metadata.parts import MAX_PARTS
from catalog.models import Image
from catalog.services.ingest import uploads
from catalog.services.media import deletion, files, public_files

pytestmark = pytest.mark.django_db

UNKNOWN_DIGEST = "0" * 64


def response_body(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.fixture
def editor(uploader):
    """A user who may change images."""
    uploader.user_permissions.add(Permission.objects.get(codename="change_image"))
    return uploader


@pytest.fixture
def located(picture) -> tuple[Image, bytes]:
    """An image whose original says where it was taken, and the bytes of it."""
    exif = Pixels.Exif()
    exif[ExifTags.Base.Orientation] = 8
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = "SECRET place"
    data = picture(1, exif=exif)
    return uploads.add_picture(data, "holidays/beach.jpg").image, data


def test_visitors_get_the_original_without_its_metadata(client, located):
    image, data = located
    for query in ("", "?download"):
        body = response_body(client.get(image.original_url + query))
        assert b"SECRET" in data
        assert b"SECRET" not in body
        assert Pixels.open(io.BytesIO(body)).tobytes() == Pixels.open(io.BytesIO(data)).tobytes()
        assert Pixels.open(io.BytesIO(body)).getexif()[ExifTags.Base.Orientation] == 8


def test_those_who_may_not_change_images_get_no_metadata_either(client, located, uploader):
    client.force_login(uploader)
    assert b"SECRET" not in response_body(client.get(located[0].original_url))


def test_those_who_may_change_images_get_the_file_as_it_came(client, located, editor):
    image, data = located
    client.force_login(editor)
    response = client.get(image.original_url)
    assert response_body(response) == data
    assert response["Cache-Control"].startswith("private, ")


def test_the_two_versions_of_an_original_are_not_confused_in_a_cache(client, located, editor):
    public = client.get(located[0].original_url)
    client.force_login(editor)
    complete = client.get(located[0].original_url)
    assert public["ETag"] != complete["ETag"]
    assert "Cookie" in public["Vary"]
    assert client.get(located[0].original_url, headers={"If-None-Match": public["ETag"]}).status_code == 200


@pytest.fixture
def moving() -> tuple[Image, bytes]:
    """An animated image, whose metadata cannot be removed, and the bytes of its original."""
    exif = Pixels.Exif()
    exif[ExifTags.Base.Artist] = "SECRET name"
    out, frames = io.BytesIO(), [Pixels.new("RGB", (64, 96), colour) for colour in ("red", "blue")]
    frames[0].save(out, "AVIF", save_all=True, append_images=frames[1:], exif=exif)
    return uploads.add_picture(out.getvalue(), "holidays/moving.avif").image, out.getvalue()


def test_visitors_get_a_jpeg_of_a_file_whose_metadata_cannot_be_removed(client, moving, editor):
    image, data = moving
    assert b"SECRET" in data
    response = client.get(f"{image.original_url}?download")
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"] == 'attachment; filename="moving.jpg"'
    body = response_body(response)
    rendition = Pixels.open(io.BytesIO(body))
    assert (rendition.format, rendition.size) == ("JPEG", (64, 96))
    assert rendition.convert("RGB").getpixel((30, 40))[0] > 200
    assert not rendition.getexif()
    assert b"SECRET" not in body
    client.force_login(editor)
    assert response_body(client.get(image.original_url)) == data


def test_such_a_jpeg_is_upright(client, picture):
    exif = Pixels.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = picture(1, exif=exif)
    too_many_segments = b"\xff\xfe\0\2" * (MAX_PARTS + 1)
    image = uploads.add_picture(data[:2] + too_many_segments + data[2:], "long.jpg").image
    rendition = Pixels.open(io.BytesIO(response_body(client.get(image.original_url))))
    assert rendition.size == (120, 160) == (image.width, image.height)
    assert not rendition.getexif()


def test_such_a_jpeg_is_limited_in_size(client, moving, monkeypatch):
    monkeypatch.setattr(public_files, "RENDITION_SIDE", 48)
    assert Pixels.open(io.BytesIO(response_body(client.get(moving[0].original_url)))).size == (32, 48)


def test_such_a_jpeg_is_rendered_once_and_deleted_with_its_image(
    client, moving, monkeypatch, settings, django_capture_on_commit_callbacks
):
    image, _ = moving
    first = client.get(image.original_url)
    body = response_body(first)
    monkeypatch.setattr(public_files, "render", pytest.fail)
    assert response_body(client.get(image.original_url)) == body
    assert client.get(image.original_url, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert response_body(client.get(image.original_url, headers={"Range": "bytes=2-9"})) == body[2:10]
    assert files.find_unreferenced() == []
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(Image.objects.filter(pk=image.pk))
    assert not [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def test_such_a_jpeg_does_not_need_space_on_the_disk(client, moving, monkeypatch):
    def fill_disk(*args):
        raise StoreUnavailable("full")

    monkeypatch.setattr(files, "save", fill_disk)
    assert response_body(client.get(moving[0].original_url)).startswith(b"\xff\xd8")


def test_a_file_that_cannot_be_decoded_either_is_only_for_those_who_may_change_images(client, moving, settings):
    settings.MAX_DECODING_BYTES = 1000
    response = client.get(moving[0].original_url)
    assert response.status_code == 403
    assert "cannot be removed" in response.content.decode()


def test_an_original_without_metadata_is_served_unchanged(client, catalogue, picture):
    response = client.get(catalogue[0].original_url)
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response_body(response) == picture(0)
    assert response["Content-Length"] == str(len(picture(0)))


def test_a_thumbnail_is_a_jpeg(client, catalogue):
    response = client.get(catalogue[0].thumbnail_url)
    assert response["Content-Type"] == "image/jpeg"
    assert response_body(response).startswith(b"\xff\xd8")


def test_a_download_uses_the_file_name_even_with_a_title(client, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle", source="a/kettle.png")
    response = client.get(f"{catalogue[0].original_url}?download")
    assert response["Content-Disposition"] == 'attachment; filename="kettle.jpg"'


@pytest.mark.parametrize("field", ["thumbnail", "original"])
def test_files_are_cached_for_a_minute_and_then_checked(client, catalogue, field):
    url = getattr(catalogue[0], f"{field}_url")
    response = client.get(url)
    assert response["Cache-Control"] == "public, max-age=60, must-revalidate"
    for header in ({"If-None-Match": response["ETag"]}, {"If-Modified-Since": response["Last-Modified"]}):
        unchanged = client.get(url, headers=header)
        assert unchanged.status_code == 304
        assert unchanged.content == b""
        assert unchanged["Cache-Control"] == response["Cache-Control"]
        assert unchanged["ETag"] == response["ETag"]


def test_a_check_takes_one_query_and_opens_no_file(client, catalogue, django_assert_num_queries):
    etag = client.get(catalogue[0].thumbnail_url)["ETag"]
    default_storage.delete(str(catalogue[0].thumbnail))
    with django_assert_num_queries(1):
        assert client.get(catalogue[0].thumbnail_url, headers={"If-None-Match": etag}).status_code == 304


def test_files_are_private_if_search_requires_login(client, catalogue, settings, superuser):
    settings.SEARCH_REQUIRES_LOGIN = True
    client.force_login(superuser)
    assert client.get(catalogue[0].thumbnail_url)["Cache-Control"].startswith("private")


@pytest.mark.parametrize("field", ["thumbnail", "original"])
def test_files_of_a_deleted_image_are_gone_also_for_a_cache_that_has_them(client, catalogue, field):
    url = getattr(catalogue[0], f"{field}_url")
    etag = client.get(url)["ETag"]
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-1"}):
        response = client.get(url, headers=headers)
        assert response.status_code == 410
        assert response["Cache-Control"] == "no-store"
        assert "deleted" in response.content.decode()


def test_a_picture_that_is_added_again_is_there_again(client, catalogue, picture):
    url = catalogue[0].thumbnail_url
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert client.get(url).status_code == 410
    uploads.add_picture(picture(0), "again.jpg")
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", [f"/media/thumbnails/{UNKNOWN_DIGEST}.jpg", f"/media/originals/{UNKNOWN_DIGEST}"])
def test_every_unknown_digest_is_gone(client, url):
    assert client.get(url).status_code == 410


@pytest.mark.parametrize(
    "url", ["/media/thumbnails/%00.jpg", "/media/originals/%00", "/media/originals/..%2Fdb", "/media/originals/abc"]
)
def test_what_is_no_digest_is_not_found(client, url):
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("field", ["thumbnail", "original"])
def test_a_missing_file_shows_an_error_page(client, catalogue, field):
    default_storage.delete(str(getattr(catalogue[0], field)))
    response = client.get(getattr(catalogue[0], f"{field}_url"))
    assert response.status_code == 404
    assert "missing on the server" in response.content.decode()
    assert client.get(catalogue[0].get_absolute_url()).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "first", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=100-", 100, None), ("bytes=-7", -7, None)],
)
def test_a_part_of_a_file_is_served(client, located, wanted, first, stop):
    url = located[0].original_url
    body = response_body(client.get(url))
    response = client.get(url, headers={"Range": wanted})
    part = body[first:stop]
    start = first % len(body)
    assert response.status_code == 206
    assert response_body(response) == part
    assert response["Content-Length"] == str(len(part))
    assert response["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/{len(body)}"


def test_a_range_that_ends_behind_the_file_is_cut(client, located):
    size = int(client.get(located[0].original_url)["Content-Length"])
    response = client.get(located[0].original_url, headers={"Range": "bytes=10-999999"})
    assert response["Content-Range"] == f"bytes 10-{size - 1}/{size}"


@pytest.mark.parametrize("wanted", ["bytes=9999999-", "bytes=999999999999999999-999999999999999999", "bytes=-0"])
def test_a_range_behind_the_file_cannot_be_served(client, located, wanted):
    size = int(client.get(located[0].original_url)["Content-Length"])
    response = client.get(located[0].original_url, headers={"Range": wanted})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=٣-", "bytes=" + "9" * 40]
)
def test_a_range_that_is_not_understood_is_ignored(client, located, wanted):
    whole = response_body(client.get(located[0].original_url))
    response = client.get(located[0].original_url, headers={"Range": wanted.encode().decode("latin-1")})
    assert response.status_code == 200
    assert response_body(response) == whole


def test_a_download_goes_on_only_if_the_file_is_the_same(client, located):
    url = located[0].original_url
    first = client.get(url)
    for validator, status in ((first["ETag"], 206), (first["Last-Modified"], 206), ('"other"', 200)):
        assert client.get(url, headers={"Range": "bytes=5-", "If-Range": validator}).status_code == status


def test_the_head_of_a_file_has_its_headers_alone(client, located):
    url = located[0].original_url
    head, response = client.head(url), client.get(url)
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control", "Accept-Ranges"):
        assert head[name] == response[name]
    assert client.head(url, headers={"Range": "bytes=0-1"}).status_code == 200


def test_files_are_closed_after_they_are_served(client, catalogue, monkeypatch):
    opened = []
    open_file = files.open_file
    monkeypatch.setattr(files, "open_file", lambda name: opened.append(open_file(name)) or opened[-1])
    url = catalogue[0].original_url
    for headers in ({}, {"Range": "bytes=1-2"}, {"Range": "bytes=99999999-"}):
        client.get(url, headers=headers).close()
    client.head(url).close()
    assert len(opened) == 4
    assert all(file.closed for file in opened)
