"""search_by_photo: ranks the catalogue by likeness to a photo."""

from datetime import UTC, datetime

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.models import Collection, Image, QueryPhoto, Tag
from catalog.services import rebuilding
from tests import described
from tests.pages.bad_pictures import REFUSED

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(tmp_path, picture):
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(2))
    return path


def test_the_answer_is_a_table_with_the_best_first(manage, catalogue, photo):
    told = manage("search_by_photo", photo)
    assert told.status == 0
    assert "6 images ranked" in told.out
    rows = [line for line in told.out.splitlines() if "picture-" in line]
    assert len(rows) == 6
    assert "picture-2.jpg" in rows[0]
    assert "1.0000" in rows[0]


def test_the_answer_as_json(manage, catalogue, photo):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[2].pk).update(collection=bags)
    answer = manage("search_by_photo", photo, "--top", 3, "--json").answer
    assert list(answer) == ["feature_space", "seconds", "nothing_alike", "hits"]
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    first = answer["hits"][0]
    assert list(first) == ["rank", "id", "score", "likeness", "collection", "source", "sha256"]
    assert first["score"] >= 0.999
    assert (first["id"], first["collection"], first["source"], first["sha256"]) == (
        catalogue[2].pk,
        "Bags",
        "picture-2.jpg",
        catalogue[2].sha256,
    )


@pytest.fixture
def crowd(catalogue) -> None:
    """So many more images that a whitening is learned, and what scores mean."""
    described.add(described.kinds(12, 10, spread=0.2))
    rebuilding.rebuild()


def test_the_table_says_how_much_each_hit_is_alike(manage, crowd, photo):
    told = manage("search_by_photo", photo)
    assert told.status == 0
    rows = [line for line in told.out.splitlines() if ".jpg" in line]
    assert "same picture" in rows[0]
    assert "picture-2.jpg" in rows[0]
    assert "weak" in rows[-1]
    assert "nothing in the catalogue" not in told.out


def test_the_json_says_how_much_each_hit_is_alike(manage, crowd, photo):
    answer = manage("search_by_photo", photo, "--top", 200, "--json").answer
    assert answer["nothing_alike"] is False
    assert len(answer["hits"]) == 126
    assert answer["hits"][0]["likeness"] == "same picture"
    assert answer["hits"][0]["score"] >= 0.999
    assert answer["hits"][-1]["likeness"] == "weak"
    assert {hit["likeness"] for hit in answer["hits"]} <= {"same picture", "very alike", "alike", "weak"}


def test_a_photo_that_is_like_nothing_is_told_so(manage, crowd, photo):
    kind = Collection.objects.create(name="Kind")
    Image.objects.filter(source__startswith="described").update(collection=kind)
    told = manage("search_by_photo", photo, "--collection", "Kind")
    assert "nothing in the catalogue is really like the photo" in " ".join(told.out.split())
    answer = manage("search_by_photo", photo, "--collection", "Kind", "--json").answer
    assert answer["nothing_alike"] is True
    assert {hit["likeness"] for hit in answer["hits"]} == {"weak"}


def test_scores_of_few_images_come_without_words(manage, catalogue, photo):
    answer = manage("search_by_photo", photo, "--json").answer
    assert answer["nothing_alike"] is False
    assert {hit["likeness"] for hit in answer["hits"]} == {None}


def test_an_expanded_search_ranks_again_and_says_nothing_of_likeness(manage, crowd, photo):
    plain, expanded = (manage("search_by_photo", photo, *more, "--json") for more in ((), ("--expand", 5)))
    assert expanded.status == 0
    assert [hit["score"] for hit in expanded.answer["hits"]] != [hit["score"] for hit in plain.answer["hits"]]
    assert {hit["likeness"] for hit in expanded.answer["hits"]} == {None}
    assert expanded.answer["nothing_alike"] is False
    none = manage("search_by_photo", photo, "--expand", 0, "--json").answer
    assert none["hits"] == plain.answer["hits"]


def test_an_expansion_by_more_images_than_there_are_takes_all(manage, catalogue, photo):
    hits = manage("search_by_photo", photo, "--expand", 50, "--json").answer["hits"]
    assert len(hits) == 6


def test_nothing_is_kept_of_the_photo(manage, catalogue, photo):
    manage("search_by_photo", photo)
    assert not QueryPhoto.objects.exists()
    assert Image.objects.count() == len(catalogue)


@pytest.mark.parametrize(
    "narrowing",
    [
        ("--words", "kettle"),
        ("--format", "webp"),
        ("--least-side", 700),
        ("--added-to", "2020-01-01"),
        ("--tag", "red"),
    ],
)
def test_words_format_size_days_and_tags_narrow_the_search(manage, catalogue, photo, narrowing):
    chosen = Image.objects.filter(pk=catalogue[4].pk)
    chosen.update(title="Kettle", format="WEBP", width=900, height=800, created_at=datetime(2019, 5, 1, tzinfo=UTC))
    catalogue[4].tags.add(Tag.objects.create(name="red"))
    hits = manage("search_by_photo", photo, *narrowing, "--json").answer["hits"]
    assert [hit["id"] for hit in hits] == [catalogue[4].pk]


def test_a_collection_narrows_the_search(manage, catalogue, photo):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[4].pk).update(collection=bags)
    hits = manage("search_by_photo", photo, "--collection", "Bags", "--json").answer["hits"]
    assert [hit["id"] for hit in hits] == [catalogue[4].pk]


def test_a_part_of_the_photo_is_searched_with(manage, catalogue, photo, tmp_path):
    Pixels.open(photo).crop((40, 30, 120, 90)).save(tmp_path / "part.png")
    part = manage("search_by_photo", tmp_path / "part.png", "--json").answer["hits"]
    crop = manage("search_by_photo", photo, "--crop", "40,30,80,60", "--json").answer["hits"]
    assert [hit["id"] for hit in crop] == [hit["id"] for hit in part]
    assert crop[0]["score"] == pytest.approx(part[0]["score"], abs=1e-3)


def test_exact_finds_the_same(manage, catalogue, photo):
    plain, exact = (manage("search_by_photo", photo, *more, "--json").answer["hits"] for more in ((), ("--exact",)))
    assert plain == exact


def test_a_sheet_shows_the_photo_and_its_hits(manage, catalogue, photo, tmp_path):
    assert manage("search_by_photo", photo, "--top", 6, "--sheet", tmp_path / "sheet.png").status == 0
    sheet = Pixels.open(tmp_path / "sheet.png").convert("RGB")
    assert sheet.size == (1000, 2 * 234)
    drawn = np.asarray(Pixels.open(photo).convert("RGB").resize((8, 6)), int)
    for left in (0, 200):  # the photo, and its first hit, which is the same picture
        shown = np.asarray(sheet.crop((left + 6, 30, left + 194, 170)).resize((8, 6)), int)
        assert np.abs(shown - drawn).max() < 30


@pytest.mark.parametrize("name", ["sheet", "sheet.doc", "sheet.jpg", "nowhere/sheet.png"])
def test_a_sheet_that_cannot_be_written_is_told(manage, catalogue, photo, tmp_path, name):
    told = manage("search_by_photo", photo, "--sheet", tmp_path / name)
    assert told.status == 1
    assert str(tmp_path / name) in told.err


def test_a_sheet_without_one_of_its_thumbnails_is_drawn_all_the_same(manage, catalogue, photo, tmp_path):
    default_storage.delete(str(catalogue[0].thumbnail))
    assert manage("search_by_photo", photo, "--sheet", tmp_path / "sheet.png").status == 0


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (("--top", "0"), "--top is 0"),
        (("--top", "-1"), "--top is -1"),
        (("--top", "many"), "--top"),
        (("--expand", "-1"), "--expand is -1; it takes 0 to 50."),
        (("--expand", "51"), "--expand is 51; it takes 0 to 50."),
        (("--expand", "many"), "--expand"),
        (("--crop", "1,2,3"), "is not a crop"),
        (("--crop", "900,900,10,10"), "beyond the picture"),
        (("--crop", "0,0,0,0"), "is empty"),
        (("--collection", "Nothing"), "There is no collection named 'Nothing'. There are: Bags."),
    ],
)
def test_wrong_words_are_explained(manage, catalogue, photo, words, explained):
    Collection.objects.create(name="Bags")
    told = manage("search_by_photo", photo, *words)
    assert told.status == 1
    assert explained in told.err


def test_a_file_that_is_not_there_or_not_to_be_read_is_named(manage, catalogue, tmp_path):
    for path in (tmp_path / "nowhere.jpg", tmp_path):
        told = manage("search_by_photo", path)
        assert told.status == 1
        assert str(path) in told.err


@pytest.mark.parametrize(("name", "data", "words"), REFUSED.values(), ids=REFUSED)
def test_a_bad_picture_is_named_with_what_is_wrong(manage, catalogue, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    told = manage("search_by_photo", tmp_path / name)
    assert told.status == 1
    assert name in told.err
    assert words in told.err


def test_an_empty_catalogue_says_what_to_do(manage, photo, db):
    told = manage("search_by_photo", photo)
    assert told.status == 1
    assert "Add pictures first" in told.err


def test_the_compact_network_is_told_beside_the_answer(manage, catalogue, photo):
    told = manage("search_by_photo", photo, "--json")
    assert "small bundled network" in told.err
    assert told.answer["hits"]
