"""The similarity map follows additions and deletions."""

import io

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Image, Segment, SimilarityMap
from catalog.services.index import extraction, rebuilding, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import similarity_map
from tests import indexed_images


@pytest.fixture
def clustered_images(db) -> list[Image]:
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(4, 10, spread=0.15))
    rebuilding.rebuild()
    return images


@pytest.fixture
def linked_images(db) -> list[Image]:
    """Enough images of ten kinds for neighbour lists, and their map."""
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10, spread=0.15))
    rebuilding.rebuild()
    similarity_map.update_map()
    return images


def current_positions() -> dict[int, tuple[float, float]]:
    stored_map = similarity_map.current_map()
    assert stored_map is not None
    return dict(zip(stored_map.ids().tolist(), map(tuple, stored_map.positions().tolist()), strict=True))


def test_every_searchable_image_has_a_position(clustered_images):
    similarity_map.update_map()
    assert sorted(current_positions()) == [image.pk for image in clustered_images]


def test_unchanged_catalogue_keeps_its_map(clustered_images):
    similarity_map.update_map()
    first = similarity_map.current_map()
    similarity_map.update_map()
    assert similarity_map.current_map() == first


def test_new_image_is_placed_among_its_neighbours(linked_images):
    before = current_positions()
    (new,) = indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10, spread=0.15)[[5]])
    similarity_map.update_map()
    assert current_positions() == before  # its neighbours are not known yet
    rebuilding.maintain()
    similarity_map.update_map()
    after = current_positions()
    assert {pk: after[pk] for pk in before} == before
    assert len(after) == len(before) + 1
    distances = {pk: np.linalg.norm(np.subtract(position, after[new.pk])) for pk, position in before.items()}
    nearest = sorted(distances, key=distances.get)[:3]
    assert set(nearest) <= {image.pk for image in linked_images[:10]}


def test_an_image_without_neighbours_on_the_map_waits_for_the_next_layout(linked_images):
    before = current_positions()
    new = indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 11, seed=5, spread=0.01))
    rebuilding.maintain()
    similarity_map.update_map()
    assert current_positions() == before
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 20, seed=6))
    similarity_map.update_map()
    assert set(current_positions()) >= {image.pk for image in new}


def test_a_deleted_neighbour_does_not_place_a_new_image(linked_images):
    (new,) = indexed_images.add_indexed_images(indexed_images.clustered_vectors(10, 10, spread=0.15)[[5]])
    rebuilding.maintain()
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in linked_images[:8]]))
    similarity_map.update_map()
    after = current_positions()
    assert not set(after) & {image.pk for image in linked_images[:8]}
    own_kind = np.array([after[image.pk] for image in linked_images[8:10]])
    assert after[new.pk] == pytest.approx(own_kind.mean(axis=0), abs=0.15)


def test_a_catalogue_without_neighbour_lists_is_laid_out_anew(clustered_images):
    similarity_map.update_map()
    before = current_positions()
    (new,) = indexed_images.add_indexed_images(indexed_images.clustered_vectors(4, 10, spread=0.15)[[5]])
    similarity_map.update_map()
    after = current_positions()
    assert set(after) == {*before, new.pk}
    assert {pk: after[pk] for pk in before} != before
    same_cluster = np.array([after[image.pk] for image in clustered_images[:10]])
    assert np.linalg.norm(same_cluster - np.array(after[new.pk]), axis=1).min() < 0.1


def test_map_is_recomputed_after_many_changes(clustered_images):
    similarity_map.update_map()
    first = similarity_map.current_map()
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in clustered_images[:15]]))
    similarity_map.update_map()
    assert similarity_map.current_map() != first
    assert sorted(current_positions()) == [image.pk for image in clustered_images[15:]]
    assert SimilarityMap.objects.count() == 1


def test_rebuild_keeps_old_map_until_next_update(clustered_images):
    similarity_map.update_map()
    first = similarity_map.current_map()
    rebuilding.rebuild()
    assert similarity_map.current_map() == first
    similarity_map.update_map()
    assert similarity_map.current_map() != first


def test_large_catalogue_is_sampled(clustered_images, monkeypatch):
    monkeypatch.setattr(similarity_map, "MAX_IMAGES", 25)
    similarity_map.update_map()
    first = similarity_map.current_map()
    assert len(current_positions()) == 25
    similarity_map.update_map()
    assert similarity_map.current_map() == first


def test_sample_is_redrawn_after_many_changes(clustered_images, monkeypatch):
    monkeypatch.setattr(similarity_map, "MAX_IMAGES", 25)
    similarity_map.update_map()
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(4, 5, seed=1))
    similarity_map.update_map()
    assert len(current_positions()) == 25
    assert max(current_positions()) > clustered_images[-1].pk


def test_images_of_damaged_segment_are_not_placed(linked_images):
    first = similarity_map.current_map()
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 2, seed=2))
    segment = Segment.objects.latest("pk")
    store.segment_path(segment.name).unlink()
    INDEX.close()
    similarity_map.update_map()
    assert similarity_map.current_map() == first


def test_empty_catalogue_has_no_map(db):
    similarity_map.update_map()
    assert similarity_map.current_map() is None


def test_sprite_sheets_hold_thumbnails_in_order(catalogue, picture):
    similarity_map.update_map()
    stored_map = similarity_map.current_map()
    ids = stored_map.ids().tolist()
    deletion.delete(Image.objects.filter(pk=ids[1]))
    sheet = np.asarray(Pixels.open(io.BytesIO(similarity_map.sprite_sheet(stored_map, 0))).convert("RGB"), int)
    assert sheet.shape == (similarity_map.SPRITE_SIDE, similarity_map.SPRITES_PER_ROW * similarity_map.SPRITE_SIDE, 3)
    first, gone = (
        sheet[:, : similarity_map.SPRITE_SIDE],
        sheet[:, similarity_map.SPRITE_SIDE : 2 * similarity_map.SPRITE_SIDE],
    )
    assert np.abs(gone[8:-8, 8:-8] - 128).max() < 5  # JPEG artefacts from the neighbouring sprites
    drawn = (
        Pixels.open(io.BytesIO(picture(0)))
        .crop((20, 0, 140, 120))
        .resize((similarity_map.SPRITE_SIDE, similarity_map.SPRITE_SIDE))
    )
    assert np.abs(first - np.asarray(drawn, int)).mean() < 12
    for number in (-1, 1):
        with pytest.raises(IndexError):
            similarity_map.sprite_sheet(stored_map, number)


def test_pending_image_has_no_position(catalogue, picture):
    uploads.add_picture(picture(50), "waits.jpg")
    similarity_map.update_map()
    assert len(current_positions()) == 6
    extraction.index_pending()
    similarity_map.update_map()
    assert len(current_positions()) == 7
