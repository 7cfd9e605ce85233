"""The whole catalogue by likeness is kept up with what comes and goes."""

import io

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Image, Layout, Segment
from catalog.services import deletion, indexing, layouts, rebuilding, store, uploads
from catalog.services.live_index import INDEX
from tests import described


@pytest.fixture
def crowd(db) -> list[Image]:
    images = described.add(described.kinds(4, 10, spread=0.15))
    rebuilding.rebuild()
    return images


def laid() -> dict[int, tuple[float, float]]:
    layout = layouts.current()
    assert layout is not None
    return dict(zip(layout.ids().tolist(), map(tuple, layout.positions().tolist()), strict=True))


def test_every_searchable_image_has_a_place(crowd):
    layouts.keep_up()
    assert sorted(laid()) == [image.pk for image in crowd]


def test_nothing_is_laid_out_anew_while_nothing_changes(crowd):
    layouts.keep_up()
    first = layouts.current()
    layouts.keep_up()
    assert layouts.current() == first


def test_what_comes_is_put_beside_what_it_is_like_and_the_rest_stays(crowd):
    layouts.keep_up()
    before = laid()
    (new,) = described.add(described.kinds(4, 10, spread=0.15)[[5]])
    layouts.keep_up()
    after = laid()
    assert {pk: after[pk] for pk in before} == before
    own_kind = np.array([before[image.pk] for image in crowd[:10]])
    assert np.linalg.norm(own_kind - np.array(after[new.pk]), axis=1).min() < 0.1


def test_a_catalogue_that_changed_much_is_laid_out_anew(crowd):
    layouts.keep_up()
    first = layouts.current()
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in crowd[:15]]))
    layouts.keep_up()
    assert layouts.current() != first
    assert sorted(laid()) == [image.pk for image in crowd[15:]]
    assert Layout.objects.count() == 1


def test_a_rebuild_keeps_the_old_one_until_there_is_a_new_one(crowd):
    layouts.keep_up()
    first = layouts.current()
    rebuilding.rebuild()
    assert layouts.current() == first
    layouts.keep_up()
    assert layouts.current() != first


def test_of_very_many_some_are_drawn(crowd, monkeypatch):
    monkeypatch.setattr(layouts, "MOST", 25)
    layouts.keep_up()
    first = layouts.current()
    assert len(laid()) == 25
    layouts.keep_up()
    assert layouts.current() == first


def test_of_very_many_they_are_drawn_anew_when_much_has_changed(crowd, monkeypatch):
    monkeypatch.setattr(layouts, "MOST", 25)
    layouts.keep_up()
    described.add(described.kinds(4, 5, seed=1))
    layouts.keep_up()
    assert len(laid()) == 25
    assert max(laid()) > crowd[-1].pk


def test_what_lies_in_a_damaged_segment_has_no_place_and_is_not_tried_for_ever(crowd):
    layouts.keep_up()
    first = layouts.current()
    described.add(described.kinds(1, 2, seed=2))
    segment = Segment.objects.latest("pk")
    store.path_of(segment.name).unlink()
    INDEX.forget()
    layouts.keep_up()
    assert layouts.current() == first


def test_an_empty_catalogue_has_none(db):
    layouts.keep_up()
    assert layouts.current() is None


def test_sheets_hold_the_small_pictures_in_order_and_grey_for_what_is_gone(catalogue, picture):
    layouts.keep_up()
    layout = layouts.current()
    ids = layout.ids().tolist()
    deletion.delete(Image.objects.filter(pk=ids[1]))
    sheet = np.asarray(Pixels.open(io.BytesIO(layouts.sheet(layout, 0))).convert("RGB"), int)
    assert sheet.shape == (layouts.SIDE, layouts.ROW * layouts.SIDE, 3)
    first, gone = sheet[:, : layouts.SIDE], sheet[:, layouts.SIDE : 2 * layouts.SIDE]
    assert np.abs(gone[8:-8, 8:-8] - 128).max() < 5  # JPEG runs into its neighbours
    drawn = Pixels.open(io.BytesIO(picture(0))).crop((20, 0, 140, 120)).resize((layouts.SIDE, layouts.SIDE))
    assert np.abs(first - np.asarray(drawn, int)).mean() < 12
    for number in (-1, 1):
        with pytest.raises(IndexError):
            layouts.sheet(layout, number)


def test_an_image_that_is_not_described_has_no_place(catalogue, picture):
    uploads.add(picture(50), "waits.jpg")
    layouts.keep_up()
    assert len(laid()) == 6
    indexing.index_pending()
    layouts.keep_up()
    assert len(laid()) == 7
