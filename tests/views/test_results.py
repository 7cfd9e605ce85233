"""Results pages: crops, added photos, counts, minimum similarity, near-duplicates and comparisons."""

import html
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as Pixels

from catalog.models import Collection, Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads

pytestmark = pytest.mark.django_db


def shown_images(response) -> list[int]:
    assert response.status_code == 200, response.status_code
    return [hit.image.pk for hit in response.context["page"]]


def side_by_side(left: bytes, right: bytes) -> bytes:
    out = io.BytesIO()
    both = Pixels.new("RGB", (320, 120))
    for at, data in enumerate((left, right)):
        both.paste(Pixels.open(io.BytesIO(data)), (160 * at, 0))
    both.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def two_picture_photo(client, catalogue, picture) -> str:
    """The results URL of a photo that shows two pictures of the catalogue side by side."""
    photo = SimpleUploadedFile("two.png", side_by_side(picture(1), picture(4)))
    return client.post(reverse("search_submit"), {"photo": photo}).url


def test_crop_of_photo_is_searched(client, two_picture_photo, catalogue):
    for box, number in (("0,0,160,120", 1), ("160,0,160,120", 4)):
        hit = client.get(two_picture_photo, {"crop": box}).context["page"][0]
        assert hit.image == catalogue[number]
        assert hit.score > 0.97  # the photo is compressed once more


def test_crop_of_image_is_searched(client, catalogue, picture):
    added = uploads.add_picture(side_by_side(picture(1), picture(4)), "two.png")
    extraction.index_pending()
    whole = Image.objects.get(pk=added.image.pk)
    assert shown_images(client.get(whole.similar_url, {"crop": "160,0,160,120"}))[0] == catalogue[4].pk


def test_crop_is_drawn_without_scripts(client, two_picture_photo):
    page = client.get(two_picture_photo, {"crop": "10,20,100,50"}).content.decode()
    assert "M10 20h100v50h-100z" in page
    assert "<svg viewBox" not in client.get(two_picture_photo).content.decode()


@pytest.mark.parametrize("crop", ["x", "0,0,0,0", "-1,0,5,5", "0,0,9999,9999", "1,2,3", "\0", "9" * 50, "٣,٣,٣,٣"])
def test_invalid_crop_is_reported(client, two_picture_photo, catalogue, crop):
    for url in (two_picture_photo, catalogue[0].similar_url):
        response = client.get(url, {"crop": crop})
        assert response.status_code == 422, crop
        assert "The selected area is not valid" in response.content.decode()


def test_second_photo_is_added_to_search(client, submit_search, catalogue, picture):
    url = submit_search(1) + "?format=JPEG&page=2"
    photo = SimpleUploadedFile("other.jpg", picture(4))
    added = client.post(reverse("search_submit"), {"photo": photo, "add_to_url": url})
    assert re.fullmatch(
        rf"{re.escape(submit_search(1).split('search')[0])}search/[\w-]+/\?format=JPEG&positive=[\w-]+", added.url
    )
    response = client.get(added.url)
    scores = [
        {hit.image: hit.score for hit in client.get(url).context["page"]} for url in (submit_search(1), added.url)
    ]
    assert scores[1][catalogue[4]] > scores[0][catalogue[4]]
    assert scores[1][catalogue[1]] < scores[0][catalogue[1]]
    assert "More like this: other.jpg" in response.content.decode()
    token = added.url.split("positive=")[1]
    less = client.get(added.url, {"feedback": f"negative-{token}", "positive": token, "format": "JPEG"}).url
    assert f"negative={token}" in less
    assert client.get(less).context["page"][0].image == catalogue[1]


def test_photo_is_added_only_to_search(client, catalogue, picture):
    for url in ("https://elsewhere.example/", "/admin/", "//elsewhere.example/search/x/", "x", "/search/"):
        photo = SimpleUploadedFile("other.jpg", picture(4))
        redirect_url = client.post(reverse("search_submit"), {"photo": photo, "add_to_url": url}).url
        assert re.fullmatch(r"/search/[\w-]+/", redirect_url), url


def test_filter_choices_show_counts(client, submit_search, catalogue):
    collection, empty = Collection.objects.create(name="Bags"), Collection.objects.create(name="Empty")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=collection)
    for url in (submit_search(0), reverse("browse")):
        page = client.get(url).content.decode()
        assert "All collections (6)" in page
        assert "Bags (4)" in page
        assert "Empty" not in page
        chosen = client.get(url, {"collection": empty.pk}).content.decode()
        assert "Empty (0)" in chosen


def test_hits_below_threshold_are_omitted(client, submit_search):
    every = client.get(submit_search(2)).context["page"]
    min_score = round(every[2].score - 0.00005, 5)
    response = client.get(submit_search(2), {"min_score": min_score})
    assert shown_images(response) == [hit.image.pk for hit in every[:3]]
    assert response.context["page"].paginator.count == 3


@pytest.mark.parametrize("value", ["x", "2", "-1", "nan", "\0", "1e9"])
def test_invalid_threshold_is_reported(client, submit_search, value):
    assert client.get(submit_search(2), {"min_score": value}).status_code == 404


def folded_copies(page: str) -> list[int]:
    """The images whose near-duplicates are hidden, once for each of these."""
    return [int(pk) for pk in re.findall(r'data-copy-of="(\d+)" hidden>', page)]


def test_near_duplicates_unfold_for_one_hit(client, submit_search, catalogue, picture):
    for number in (2, 4):
        out = io.BytesIO()
        Pixels.open(io.BytesIO(picture(number))).save(out, "JPEG", quality=90)
        uploads.add_picture(out.getvalue(), f"again-{number}.jpg")
    extraction.index_pending()
    url = submit_search(2)
    response = client.get(url)
    assert len(shown_images(response)) == 6
    assert response.context["page"].paginator.count == 8
    page = response.content.decode()
    assert page.count("+1 near-duplicate") == 2
    assert set(folded_copies(page)) == {catalogue[2].pk, catalogue[4].pk}
    link = re.search(rf'data-unfold="{catalogue[2].pk}" aria-expanded="false" href="([^"]+)"', page).group(1)
    assert link == f"?unfold={catalogue[2].pk}#image-{catalogue[2].pk}"
    unfolded = client.get(url + link.partition("#")[0]).content.decode()
    assert unfolded.count('data-copy-of="') == 2
    assert folded_copies(unfolded) == [catalogue[4].pk]
    assert f'data-unfold="{catalogue[2].pk}" aria-expanded="true" href="?#image-{catalogue[2].pk}"' in unfolded


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "1,2", ""])
def test_invalid_unfolding_is_ignored(client, submit_search, value):
    assert client.get(submit_search(2), {"unfold": value}).status_code == 200


def test_hit_opens_beside_query(client, submit_search, catalogue):
    url = submit_search(2)
    link = re.search(r'href="(/images/\d+/\?query=[\w-]+)"', client.get(url).content.decode()).group(1)
    page = client.get(link).content.decode()
    assert "Same picture" in page or "Similarity 1.000" in page
    assert f'href="{url}#image-{catalogue[2].pk}"' in page
    for side in ("photo", "image"):
        overlay = re.search(rf'src="(/search/[\w-]+/explanation/\d+/{side}\.webp)"', page).group(1)
        assert client.get(overlay).status_code == 200


def test_comparison_with_image_keeps_crop(client, catalogue):
    page = client.get(catalogue[1].similar_url, {"crop": "0,0,80,80"}).content.decode()
    link = re.search(r'href="(/images/\d+/\?image=\d+&amp;crop=0,0,80,80)"', page).group(1).replace("&amp;", "&")
    response = client.get(link)
    assert response.context["comparison"].source.image == catalogue[1]
    overlay = re.search(r'src="([^"]+photo\.webp\?crop=[^"]+)"', response.content.decode()).group(1)
    assert client.get(overlay).status_code == 200


def test_back_to_results_keeps_filters_feedback_threshold_and_page(client, submit_search, catalogue, settings):
    settings.RESULTS_PER_PAGE = 2
    url, marked = submit_search(2), catalogue[1].pk
    state = f"format=JPEG&min_score=0.0&crop=0,0,80,80&positive={marked}&negative={catalogue[0].pk}"
    page = client.get(f"{url}?{state}&page=2&unfold=7").content.decode()
    link = html.unescape(re.search(r'class="tile-link" href="([^"]+)"', page).group(1))
    assert f"&{state}&page=2" in link
    hit = re.search(r"/images/(\d+)/", link).group(1)
    assert html.unescape(f'href="{url}?{state}&page=2#image-{hit}"') in html.unescape(client.get(link).content.decode())
    assert f'id="image-{hit}"' in page


@pytest.mark.parametrize("query", ["query=gone", "image=987654", "image=x", "query=%00", "image=" + "9" * 40, "query="])
def test_image_is_shown_alone_without_valid_query(client, catalogue, query):
    response = client.get(f"{catalogue[0].get_absolute_url()}?{query}")
    assert response.status_code == 200
    assert response.context["comparison"] is None


def test_near_duplicate_on_next_page_is_grouped_on_this_page(client, submit_search, catalogue, picture, settings):
    out = io.BytesIO()
    Pixels.open(io.BytesIO(picture(2))).save(out, "JPEG", quality=90)
    uploads.add_picture(out.getvalue(), "again.jpg")
    extraction.index_pending()
    settings.RESULTS_PER_PAGE = 1
    responses = [client.get(submit_search(2), {"page": page}) for page in (1, 2)]
    first, second = (response.context["page"] for response in responses)
    assert "No results" not in responses[1].content.decode()
    assert 'rel="next"' in responses[1].content.decode()
    assert [hit.image for hit in first] == [catalogue[2]]
    assert [duplicate.image.source for duplicate in first[0].near_duplicates] == ["again.jpg"]
    assert list(second) == []
    assert second.paginator.count == 7
