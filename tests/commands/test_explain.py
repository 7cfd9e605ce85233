"""search_by_photo --explain: which parts made the scores, as a picture."""

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from catalog.features.extractors import Extractor

pytestmark = pytest.mark.django_db

CELL, CAPTION = 412, 34


@pytest.fixture
def photo(tmp_path, picture):
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture(2, size=(800, 600)))
    return path


def test_the_photo_is_drawn_beside_each_of_its_first_three_hits(manage, catalogue, photo, tmp_path):
    told = manage("search_by_photo", photo, "--explain", tmp_path / "why.png", "--json")
    assert told.status == 0
    assert len(told.answer["hits"]) == 6
    drawn = Pixels.open(tmp_path / "why.png").convert("RGB")
    assert drawn.size == (2 * CELL, 3 * (CELL + CAPTION))
    for row in range(3):
        for column in range(2):
            left, top = column * CELL, row * (CELL + CAPTION)
            cell = np.asarray(drawn.crop((left + 10, top + 60, left + CELL - 10, top + CELL - 60)))
            assert cell.std() > 5
            assert cell[..., 0].mean() > cell[..., 2].mean()  # lit warmly


def test_fewer_hits_give_fewer_rows(manage, catalogue, photo, tmp_path):
    manage("search_by_photo", photo, "--top", 1, "--explain", tmp_path / "why.png")
    assert Pixels.open(tmp_path / "why.png").size == (2 * CELL, CELL + CAPTION)


def test_the_photo_goes_through_the_network_once_for_all_its_hits(manage, catalogue, photo, tmp_path, monkeypatch):
    counted, maps = [], Extractor.maps
    monkeypatch.setattr(Extractor, "maps", lambda self, batch: counted.append(len(batch)) or maps(self, batch))
    manage("search_by_photo", photo, "--explain", tmp_path / "why.png")
    assert sum(counted) == 1 + 1 + 3  # to search, and to explain: the photo, and three hits


def test_a_part_of_the_photo_is_explained_alone(manage, catalogue, photo, tmp_path):
    told = manage("search_by_photo", photo, "--crop", "0,0,100,300", "--explain", tmp_path / "why.png")
    assert told.status == 0
    row = np.asarray(Pixels.open(tmp_path / "why.png").convert("L"))[200, :CELL]
    assert (row[:100] == 255).all()  # white on either side of what is tall and narrow
    assert (row[-100:] == 255).all()


@pytest.mark.parametrize("name", ["why", "why.jpg", "nowhere/why.png"])
def test_a_drawing_that_cannot_be_written_is_told(manage, catalogue, photo, tmp_path, name):
    told = manage("search_by_photo", photo, "--explain", tmp_path / name)
    assert told.status == 1
    assert str(tmp_path / name) in told.err


def test_a_hit_without_its_original_is_named(manage, catalogue, photo, tmp_path):
    default_storage.delete(str(catalogue[2].original))
    told = manage("search_by_photo", photo, "--explain", tmp_path / "why.png")
    assert told.status == 1
    assert str(catalogue[2].original) in told.err


def test_nothing_to_explain_is_told(manage, catalogue, photo, tmp_path):
    from catalog.models import Collection

    Collection.objects.create(name="Empty")
    told = manage("search_by_photo", photo, "--collection", "Empty", "--explain", tmp_path / "why.png")
    assert told.status == 1
    assert "nothing to explain" in told.err
