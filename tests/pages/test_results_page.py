"""The results of a search: a part of the photo, several photos, counts, a threshold, copies, and a hit compared."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image as Pixels

from catalog.models import Collection, Image
from catalog.services import indexing, uploads

pytestmark = pytest.mark.django_db


def shown(answer) -> list[int]:
    assert answer.status_code == 200, answer.status_code
    return [hit.image.pk for hit in answer.context["page"]]


def side_by_side(left: bytes, right: bytes) -> bytes:
    out = io.BytesIO()
    both = Pixels.new("RGB", (320, 120))
    for at, data in enumerate((left, right)):
        both.paste(Pixels.open(io.BytesIO(data)), (160 * at, 0))
    both.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def two(client, catalogue, picture) -> str:
    """The results of a photo that shows two pictures of the catalogue, side by side."""
    photo = SimpleUploadedFile("two.png", side_by_side(picture(1), picture(4)))
    return client.post(reverse("search_submit"), {"photo": photo}).url


def test_a_part_of_the_photo_is_searched_with(client, two, catalogue):
    for box, number in (("0,0,160,120", 1), ("160,0,160,120", 4)):
        hit = client.get(two, {"crop": box}).context["page"][0]
        assert hit.image == catalogue[number]
        assert hit.score > 0.99


def test_a_part_of_an_image_is_searched_with(client, catalogue, picture):
    added = uploads.add(side_by_side(picture(1), picture(4)), "two.png")
    indexing.index_pending()
    whole = Image.objects.get(pk=added.image.pk)
    assert shown(client.get(whole.similar_url, {"crop": "160,0,160,120"}))[0] == catalogue[4].pk


def test_the_part_is_drawn_where_there_is_no_script(client, two):
    page = client.get(two, {"crop": "10,20,100,50"}).content.decode()
    assert "M10 20h100v50h-100z" in page
    assert "<svg viewBox" not in client.get(two).content.decode()


@pytest.mark.parametrize("crop", ["x", "0,0,0,0", "-1,0,5,5", "0,0,9999,9999", "1,2,3", "\0", "9" * 50, "٣,٣,٣,٣"])
def test_a_part_that_is_none_is_told(client, two, catalogue, crop):
    for address in (two, catalogue[0].similar_url):
        answer = client.get(address, {"crop": crop})
        assert answer.status_code == 422, crop
        assert "There is no such part of the picture" in answer.content.decode()


def test_a_second_photo_is_added_to_the_search(client, search, catalogue, picture):
    address = search(1) + "?format=JPEG&page=2"
    photo = SimpleUploadedFile("other.jpg", picture(4))
    added = client.post(reverse("search_submit"), {"photo": photo, "beside": address})
    assert re.fullmatch(rf"{re.escape(search(1).split('search')[0])}search/[\w-]+/\?format=JPEG&more=[\w-]+", added.url)
    answer = client.get(added.url)
    scores = [{hit.image: hit.score for hit in client.get(url).context["page"]} for url in (search(1), added.url)]
    assert scores[1][catalogue[4]] > scores[0][catalogue[4]]
    assert scores[1][catalogue[1]] < scores[0][catalogue[1]]
    assert "More of this: other.jpg" in answer.content.decode()
    token = added.url.split("more=")[1]
    less = client.get(added.url, {"mark": f"less-{token}", "more": token, "format": "JPEG"}).url
    assert f"less={token}" in less
    assert client.get(less).context["page"][0].image == catalogue[1]


def test_a_photo_is_added_to_nothing_but_a_search(client, catalogue, picture):
    for beside in ("https://elsewhere.example/", "/admin/", "//elsewhere.example/search/x/", "x", "/search/"):
        photo = SimpleUploadedFile("other.jpg", picture(4))
        url = client.post(reverse("search_submit"), {"photo": photo, "beside": beside}).url
        assert re.fullmatch(r"/search/[\w-]+/", url), beside


def test_every_choice_tells_how_many_images_it_leaves(client, search, catalogue):
    bags, empty = Collection.objects.create(name="Bags"), Collection.objects.create(name="Empty")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:4]]).update(collection=bags)
    for address in (search(0), reverse("browse")):
        page = client.get(address).content.decode()
        assert "All collections (6)" in page
        assert "Bags (4)" in page
        assert "Empty" not in page
        chosen = client.get(address, {"collection": empty.pk}).content.decode()
        assert "Empty (0)" in chosen


def test_what_is_less_alike_than_the_threshold_is_left_out(client, search):
    every = client.get(search(2)).context["page"]
    least = round(every[2].score - 0.00005, 5)
    answer = client.get(search(2), {"least": least})
    assert shown(answer) == [hit.image.pk for hit in every[:3]]
    assert answer.context["page"].paginator.count == 3


@pytest.mark.parametrize("least", ["x", "2", "-1", "nan", "\0", "1e9"])
def test_a_threshold_that_is_none_is_told(client, search, least):
    assert client.get(search(2), {"least": least}).status_code == 404


def test_copies_are_folded_and_shown_apart_where_that_is_asked(client, search, catalogue, picture):
    out = io.BytesIO()
    Pixels.open(io.BytesIO(picture(2))).save(out, "JPEG", quality=90)
    uploads.add(out.getvalue(), "again.jpg")
    indexing.index_pending()
    address = search(2)
    answer = client.get(address)
    assert len(shown(answer)) == 6
    assert answer.context["page"].paginator.count == 7
    assert "+1 copy" in answer.content.decode()
    apart = client.get(address, {"apart": "1"})
    assert len(shown(apart)) == 7
    assert "Fold copies of one picture" in apart.content.decode()


def test_a_hit_opens_beside_what_found_it(client, search, catalogue):
    address = search(2)
    link = re.search(r'href="(/images/\d+/\?query=[\w-]+)"', client.get(address).content.decode()).group(1)
    page = client.get(link).content.decode()
    assert "Same picture" in page or "Similarity 1.000" in page
    assert f'href="{address}"' in page
    for which in ("photo", "image"):
        overlay = re.search(rf'src="(/search/[\w-]+/why/\d+/{which}\.webp)"', page).group(1)
        assert client.get(overlay).status_code == 200


def test_a_hit_of_an_image_opens_beside_it_and_a_crop_goes_with_it(client, catalogue):
    page = client.get(catalogue[1].similar_url, {"crop": "0,0,80,80"}).content.decode()
    link = re.search(r'href="(/images/\d+/\?like=\d+&amp;crop=0,0,80,80)"', page).group(1).replace("&amp;", "&")
    answer = client.get(link)
    assert answer.context["compared"].sought.image == catalogue[1]
    overlay = re.search(r'src="([^"]+photo\.webp\?crop=[^"]+)"', answer.content.decode()).group(1)
    assert client.get(overlay).status_code == 200


@pytest.mark.parametrize("query", ["query=gone", "like=987654", "like=x", "query=%00", "like=" + "9" * 40, "query="])
def test_an_image_is_shown_by_itself_where_nothing_is_left_to_compare_it_with(client, catalogue, query):
    answer = client.get(f"{catalogue[0].get_absolute_url()}?{query}")
    assert answer.status_code == 200
    assert answer.context["compared"] is None


def test_a_copy_on_the_next_page_is_folded_into_this_one(client, search, catalogue, picture, settings):
    out = io.BytesIO()
    Pixels.open(io.BytesIO(picture(2))).save(out, "JPEG", quality=90)
    uploads.add(out.getvalue(), "again.jpg")
    indexing.index_pending()
    settings.RESULTS_PER_PAGE = 1
    answers = [client.get(search(2), {"page": page}) for page in (1, 2)]
    first, second = (answer.context["page"] for answer in answers)
    assert "Nothing to show" not in answers[1].content.decode()
    assert 'rel="next"' in answers[1].content.decode()
    assert [hit.image for hit in first] == [catalogue[2]]
    assert [copy.image.source for copy in first[0].copies] == ["again.jpg"]
    assert list(second) == []
    assert second.paginator.count == 7
