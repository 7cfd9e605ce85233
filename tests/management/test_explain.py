"""Tests of search_by_photo --explain, which draws the areas that matched."""

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.features.extractors import Extractor

pytestmark = pytest.mark.django_db

CELL_SIDE, CAPTION_HEIGHT = 412, 34


@pytest.fixture
def photo(tmp_path, picture):
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(2, size=(800, 600)))
    return path


def test_the_photo_is_drawn_next_to_each_of_the_first_three_hits(manage, catalogue, photo, tmp_path):
    result = manage("search_by_photo", photo, "--explain", tmp_path / "why.png", "--json")
    assert result.status == 0
    assert len(result.json["hits"]) == 6
    sheet = Pixels.open(tmp_path / "why.png").convert("RGB")
    assert sheet.size == (2 * CELL_SIDE, 3 * (CELL_SIDE + CAPTION_HEIGHT))
    for row in range(3):
        for column in range(2):
            left, top = column * CELL_SIDE, row * (CELL_SIDE + CAPTION_HEIGHT)
            cell = np.asarray(sheet.crop((left + 10, top + 60, left + CELL_SIDE - 10, top + CELL_SIDE - 60)))
            assert cell.std() > 5
            assert cell[..., 0].mean() > cell[..., 2].mean()  # highlighted in amber


def test_fewer_hits_give_fewer_rows(manage, catalogue, photo, tmp_path):
    manage("search_by_photo", photo, "--top", 1, "--explain", tmp_path / "why.png")
    assert Pixels.open(tmp_path / "why.png").size == (2 * CELL_SIDE, CELL_SIDE + CAPTION_HEIGHT)


def test_the_network_runs_only_once_on_the_photo_for_all_hits(manage, catalogue, photo, tmp_path, monkeypatch):
    counted, maps = [], Extractor.feature_maps
    monkeypatch.setattr(Extractor, "feature_maps", lambda self, batch: counted.append(len(batch)) or maps(self, batch))
    manage("search_by_photo", photo, "--explain", tmp_path / "why.png")
    assert sum(counted) == 1 + 1 + 3  # one to search; the photo and three hits to explain


def test_only_the_crop_of_the_photo_is_explained(manage, catalogue, photo, tmp_path):
    result = manage("search_by_photo", photo, "--crop", "0,0,100,300", "--explain", tmp_path / "why.png")
    assert result.status == 0
    row = np.asarray(Pixels.open(tmp_path / "why.png").convert("L"))[200, :CELL_SIDE]
    assert (row[:100] == 255).all()  # white on both sides of a tall and narrow crop
    assert (row[-100:] == 255).all()


@pytest.mark.parametrize("name", ["why", "why.jpg", "nowhere/why.png"])
def test_a_picture_that_cannot_be_written_is_reported(manage, catalogue, photo, tmp_path, name):
    result = manage("search_by_photo", photo, "--explain", tmp_path / name)
    assert result.status == 1
    assert str(tmp_path / name) in result.err


def test_a_hit_with_a_missing_original_is_named(manage, catalogue, photo, tmp_path):
    default_storage.delete(str(catalogue[2].original))
    result = manage("search_by_photo", photo, "--explain", tmp_path / "why.png")
    assert result.status == 1
    assert str(catalogue[2].original) in result.err


def test_a_search_without_hits_is_reported(manage, catalogue, photo, tmp_path):
    from catalog.models import Collection

    Collection.objects.create(name="Empty")
    result = manage("search_by_photo", photo, "--collection", "Empty", "--explain", tmp_path / "why.png")
    assert result.status == 1
    assert "No images were found, so there is nothing to explain." in result.err
