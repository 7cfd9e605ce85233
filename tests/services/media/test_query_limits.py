"""Query photos, which anybody may send, have lower limits than pictures of the catalogue, and are decoded once."""

import io

import pytest
from PIL import Image as Pixels

from catalog.exceptions import PictureRejected
from catalog.imaging.decoders import DecoderPool
from catalog.services.ingest import uploads
from catalog.services.media.decoding import decoder_pool
from catalog.services.search import queries, query_photos
from tests.imaging.sample_pictures import encode
from tests.imaging.scan_bombs import jpeg_with_scans


@pytest.fixture
def renderings(monkeypatch) -> list[bytes]:
    """The files that are decoded."""
    rendered: list[bytes] = []
    render = DecoderPool.render

    def record(pool, data, *args, **options):
        rendered.append(data)
        return render(pool, data, *args, **options)

    monkeypatch.setattr(DecoderPool, "render", record)
    return rendered


@pytest.fixture
def busy_decoders(monkeypatch):
    """Other requests use all decoder processes."""
    monkeypatch.setattr(queries, "REQUEST_WAIT", 0.05)
    pool = decoder_pool()
    decoders = [pool._idle.get() for _ in range(pool._idle.qsize())]
    yield
    for decoder in decoders:
        pool._idle.put(decoder)


def test_a_photo_is_decoded_once(catalogue, picture, renderings):
    data = picture(77, size=(3000, 2000))
    photo = query_photos.store_photo(data, "a.jpg")
    assert renderings == [data]
    assert queries.extract_query(data).vector.tobytes() == photo.descriptor
    with Pixels.open(io.BytesIO(photo.picture)) as stored:
        assert stored.size == (1024, 683)


@pytest.mark.parametrize(
    ("setting", "code"), [("MAX_QUERY_PIXELS", "too_many_pixels"), ("MAX_QUERY_BYTES", "too_many_bytes")]
)
def test_a_photo_beyond_the_limits_of_queries_is_rejected(catalogue, picture, settings, setting, code):
    data = picture(77)
    setattr(settings, setting, 1000)
    for search in (queries.extract_query, lambda data: query_photos.store_photo(data, "a.jpg")):
        with pytest.raises(PictureRejected) as excinfo:
            search(data)
        assert (
            excinfo.value.code == {"MAX_QUERY_PIXELS": "too_many_pixels", "MAX_QUERY_BYTES": "too_many_bytes"}[setting]
        )
    assert uploads.add_picture(data, "a.jpg").outcome == "added"


def test_a_photo_that_takes_more_than_half_the_memory_of_pictures_is_rejected(catalogue, settings):
    data = encode(Pixels.new("RGBA", (3000, 3000)), "WEBP", lossless=True)
    settings.MAX_DECODING_BYTES = 300 * 1024**2
    with pytest.raises(PictureRejected) as excinfo:
        queries.extract_query(data)
    assert excinfo.value.code == "too_much_memory"
    assert uploads.add_picture(data, "a.webp").outcome == "added"


@pytest.mark.slow
def test_a_photo_that_stops_its_decoder_is_answered_and_the_next_one_found(catalogue, picture, client, settings):
    settings.MAX_DECODING_SECONDS = 1
    for url in ("/search/", "/api/search"):
        response = client.post(url, {"photo": io.BytesIO(jpeg_with_scans(5000, 90))})
        assert response.status_code == 422
        assert "longer than 1 seconds" in response.content.decode()
    settings.MAX_DECODING_SECONDS = 30
    assert client.post("/api/search", {"photo": io.BytesIO(picture(2))}).json()["hits"][0]["score"] > 0.99


@pytest.mark.parametrize("path", ["/search/", "/api/search"])
def test_a_search_is_refused_for_a_moment_while_all_decoders_are_busy(catalogue, picture, client, busy_decoders, path):
    response = client.post(path, {"photo": io.BytesIO(picture(2))})
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "busy" in response.content.decode()
