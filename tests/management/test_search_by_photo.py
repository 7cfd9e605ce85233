"""Tests of the command search_by_photo."""

from datetime import UTC, datetime

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.models import Collection, Image, Tag
from catalog.services.index import rebuilding
from tests import indexed_images
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.removed_network import use_removed_network
from tests.services.search.query_photos.stored import stored_paths
from tests.services.search.regions.cluttered import add_things, cluttered_photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(tmp_path, picture):
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(2))
    return path


def test_text_output_is_a_table_with_the_best_hit_first(manage, catalogue, photo):
    result = manage("search_by_photo", photo)
    assert result.status == 0
    assert "6 images ranked" in result.out
    rows = [line for line in result.out.splitlines() if "picture-" in line]
    assert len(rows) == 6
    assert "picture-2.jpg" in rows[0]
    assert "1.0000" in rows[0]


def test_json_output(manage, catalogue, photo):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[2].pk).update(collection=collection)
    data = manage("search_by_photo", photo, "--top", 3, "--json").json
    assert list(data) == ["feature_space", "seconds", "nothing_alike", "hits"]
    assert [hit["rank"] for hit in data["hits"]] == [1, 2, 3]
    first = data["hits"][0]
    assert list(first) == ["rank", "id", "score", "likeness", "collection", "source", "sha256"]
    assert first["score"] >= 0.999
    assert (first["id"], first["collection"], first["source"], first["sha256"]) == (
        catalogue[2].pk,
        "Bags",
        "picture-2.jpg",
        catalogue[2].sha256,
    )


@pytest.fixture
def clustered_catalogue(catalogue) -> None:
    """Enough images for a projection, neighbours and a calibration."""
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10, spread=0.2))
    rebuilding.rebuild()


def test_the_table_shows_similarity_levels(manage, clustered_catalogue, photo):
    result = manage("search_by_photo", photo)
    assert result.status == 0
    rows = [line for line in result.out.splitlines() if ".jpg" in line]
    assert "Same picture" in rows[0]
    assert "picture-2.jpg" in rows[0]
    assert "Weak match" in rows[-1]
    assert "nothing matches" not in result.out


def test_json_output_has_similarity_levels(manage, clustered_catalogue, photo):
    data = manage("search_by_photo", photo, "--top", 200, "--json").json
    assert data["nothing_alike"] is False
    assert len(data["hits"]) == 126
    assert data["hits"][0]["likeness"] == "same"
    assert data["hits"][0]["score"] >= 0.999
    assert data["hits"][-1]["likeness"] == "weak"
    assert {hit["likeness"] for hit in data["hits"]} <= {"same", "very_similar", "similar", "weak"}


def test_a_photo_without_similar_images_is_reported(manage, clustered_catalogue, photo):
    kind = Collection.objects.create(name="Kind")
    Image.objects.filter(source__startswith="indexed-").update(collection=kind)
    result = manage("search_by_photo", photo, "--collection", "Kind")
    assert "nothing matches the photo well" in " ".join(result.out.split())
    data = manage("search_by_photo", photo, "--collection", "Kind", "--json").json
    assert data["nothing_alike"] is True
    assert {hit["likeness"] for hit in data["hits"]} == {"weak"}


def test_scores_in_a_small_catalogue_have_no_levels(manage, catalogue, photo):
    data = manage("search_by_photo", photo, "--json").json
    assert data["nothing_alike"] is False
    assert {hit["likeness"] for hit in data["hits"]} == {None}


def test_an_expanded_search_changes_scores_and_has_no_levels(manage, clustered_catalogue, photo):
    plain, expanded = (manage("search_by_photo", photo, *more, "--json") for more in ((), ("--expand", 5)))
    assert expanded.status == 0
    assert [hit["score"] for hit in expanded.json["hits"]] != [hit["score"] for hit in plain.json["hits"]]
    assert {hit["likeness"] for hit in expanded.json["hits"]} == {None}
    assert expanded.json["nothing_alike"] is False
    unexpanded = manage("search_by_photo", photo, "--expand", 0, "--json").json
    assert unexpanded["hits"] == plain.json["hits"]


def test_an_expansion_by_more_images_than_exist_uses_all(manage, catalogue, photo):
    hits = manage("search_by_photo", photo, "--expand", 50, "--json").json["hits"]
    assert len(hits) == 6


def test_the_photo_is_not_stored(manage, catalogue, photo):
    manage("search_by_photo", photo)
    assert not stored_paths()
    assert Image.objects.count() == len(catalogue)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--words", "kettle"),
        ("--format", "webp"),
        ("--least-side", 700),
        ("--added-to", "2020-01-01"),
        ("--tag", "red"),
    ],
)
def test_each_filter_is_applied(manage, catalogue, photo, arguments):
    chosen = Image.objects.filter(pk=catalogue[4].pk)
    chosen.update(title="Kettle", format="WEBP", width=900, height=800, created_at=datetime(2019, 5, 1, tzinfo=UTC))
    catalogue[4].tags.add(Tag.objects.create(name="red"))
    hits = manage("search_by_photo", photo, *arguments, "--json").json["hits"]
    assert [hit["id"] for hit in hits] == [catalogue[4].pk]


def test_a_collection_is_a_filter(manage, catalogue, photo):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk=catalogue[4].pk).update(collection=collection)
    hits = manage("search_by_photo", photo, "--collection", "Bags", "--json").json["hits"]
    assert [hit["id"] for hit in hits] == [catalogue[4].pk]


def test_a_crop_of_the_photo_can_be_the_query(manage, catalogue, photo, tmp_path):
    Pixels.open(photo).crop((40, 30, 120, 90)).save(tmp_path / "part.png")
    part = manage("search_by_photo", tmp_path / "part.png", "--json").json["hits"]
    crop = manage("search_by_photo", photo, "--crop", "40,30,80,60", "--json").json["hits"]
    assert [hit["id"] for hit in crop] == [hit["id"] for hit in part]
    assert crop[0]["score"] == pytest.approx(part[0]["score"], abs=1e-3)


def test_exact_search_finds_the_same(manage, catalogue, photo):
    plain, exact = (manage("search_by_photo", photo, *more, "--json").json["hits"] for more in ((), ("--exact",)))
    assert plain == exact


def test_the_contact_sheet_shows_the_photo_and_its_hits(manage, catalogue, photo, tmp_path):
    assert manage("search_by_photo", photo, "--top", 6, "--sheet", tmp_path / "sheet.png").status == 0
    sheet = Pixels.open(tmp_path / "sheet.png").convert("RGB")
    assert sheet.size == (1000, 2 * 234)
    drawn = np.asarray(Pixels.open(photo).convert("RGB").resize((8, 6)), int)
    for left in (0, 200):  # the photo and its first hit, which is the same picture
        shown = np.asarray(sheet.crop((left + 6, 30, left + 194, 170)).resize((8, 6)), int)
        assert np.abs(shown - drawn).max() < 30


@pytest.mark.parametrize("name", ["sheet", "sheet.doc", "sheet.jpg", "nowhere/sheet.png"])
def test_a_contact_sheet_that_cannot_be_written_is_reported(manage, catalogue, photo, tmp_path, name):
    result = manage("search_by_photo", photo, "--sheet", tmp_path / name)
    assert result.status == 1
    assert str(tmp_path / name) in result.err


def test_a_contact_sheet_is_drawn_without_a_missing_thumbnail(manage, catalogue, photo, tmp_path):
    default_storage.delete(str(catalogue[0].thumbnail))
    assert manage("search_by_photo", photo, "--sheet", tmp_path / "sheet.png").status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--top", "0"), "--top is 0"),
        (("--top", "-1"), "--top is -1"),
        (("--top", "many"), "--top"),
        (("--expand", "-1"), "--expand is -1; it must be between 0 and 50."),
        (("--expand", "51"), "--expand is 51; it must be between 0 and 50."),
        (("--expand", "many"), "--expand"),
        (("--crop", "1,2,3"), "is not a valid area"),
        (("--crop", "900,900,10,10"), "beyond the picture"),
        (("--crop", "0,0,0,0"), "is empty"),
        (("--collection", "Nothing"), "There is no collection named 'Nothing'. Available: Bags."),
    ],
)
def test_invalid_arguments_are_explained(manage, catalogue, photo, words, message):
    Collection.objects.create(name="Bags")
    result = manage("search_by_photo", photo, *words)
    assert result.status == 1
    assert message in result.err


def test_a_missing_or_unreadable_file_is_named(manage, catalogue, tmp_path):
    for path in (tmp_path / "nowhere.jpg", tmp_path):
        result = manage("search_by_photo", path)
        assert result.status == 1
        assert str(path) in result.err


@pytest.mark.parametrize(("name", "data", "words"), REJECTED_FILES.values(), ids=REJECTED_FILES)
def test_a_rejected_picture_is_named_with_the_reason(manage, catalogue, tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    result = manage("search_by_photo", tmp_path / name)
    assert result.status == 1
    assert name in result.err
    assert words in result.err


def test_an_empty_catalogue_is_reported(manage, photo, db):
    result = manage("search_by_photo", photo)
    assert result.status == 1
    assert "There are no searchable images yet." in result.err


def test_a_network_that_was_removed_is_reported(manage, catalogue, photo):
    use_removed_network()
    result = manage("search_by_photo", photo, "--json")
    assert result.status == 1
    assert "no longer part of the program. Run: python manage.py rebuild_index --reextract" in result.err


def test_regions_searches_with_what_was_meant_and_names_the_regions(manage, db, tmp_path):
    add_things()
    photo = tmp_path / "cluttered.jpg"
    photo.write_bytes(cluttered_photo("Bicycles"))
    data = manage("search_by_photo", photo, "--regions", "--json").json
    assert [list(region) for region in data["regions"]] == [["crop", "share", "score", "meant"]] * len(data["regions"])
    assert [region["meant"] for region in data["regions"]] == [True] + [False] * (len(data["regions"]) - 1)
    assert data["hits"][0]["source"].startswith("Bicycles")
    cropped = manage("search_by_photo", photo, "--crop", data["regions"][0]["crop"], "--json").json
    assert [hit["id"] for hit in cropped["hits"][:2]] == [hit["id"] for hit in data["hits"][:2]]
    assert "regions" not in cropped
    result = manage("search_by_photo", photo, "--regions")
    assert f"Searched with the region {data['regions'][0]['crop']}." in result.out


def test_regions_cannot_be_combined_with_a_crop(manage, catalogue, photo):
    result = manage("search_by_photo", photo, "--regions", "--crop", "0,0,10,10")
    assert result.status == 1
    assert "--regions cannot be combined with --crop" in result.err


def test_regions_of_a_network_without_windows_are_refused(manage, catalogue, photo, monkeypatch):
    monkeypatch.setattr("catalog.features.windows.EXTRACTOR_CONFIGS", {})
    result = manage("search_by_photo", photo, "--regions")
    assert result.status == 1
    assert "Use --crop instead" in result.err
