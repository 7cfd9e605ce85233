"""Small segments are merged automatically, and dead rows are dropped."""

import numpy as np
import pytest
from django.conf import settings

from catalog.models import Image, Segment
from catalog.services.index import live_index, merging, rebuilding, spaces, store
from catalog.services.media import deletion
from catalog.services.search import ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors.segments import open_segment
from tests import indexed_images
from tests.services.index.store_helpers import referenced_files, segment_files
from tests.vectors import headerless_files

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_limits(monkeypatch):
    """Merge four segments of similar size, into segments of up to 64 rows."""
    monkeypatch.setattr(merging, "MERGE_FACTOR", 4)
    monkeypatch.setattr(merging, "MAX_MERGED_ROWS", 64)


def add_segments(*sizes: int) -> list[Image]:
    """Add a segment of each size, and return all images."""
    vectors = iter(indexed_images.clustered_vectors(sum(sizes), 1, seed=Image.objects.count()))
    return [
        image
        for size in sizes
        for image in indexed_images.add_indexed_images(np.stack([next(vectors) for _ in range(size)]))
    ]


def segment_sizes() -> list[int]:
    return sorted(Segment.objects.values_list("rows", flat=True))


def ranked_ids(image: Image) -> list[tuple[int, float]]:
    return [(hit.image.pk, round(hit.score, 5)) for hit in ranking.search_similar(image, SearchOptions(limit=200)).hits]


@pytest.mark.slow
def test_pictures_added_one_at_a_time_end_up_in_few_segments(small_limits):
    written = 0
    for _ in range(150):
        add_segments(1)
        before = referenced_files()
        rebuilding.maintain()
        written += sum(Segment.objects.exclude(name__in=before).values_list("rows", flat=True))
        assert len(segment_sizes()) <= 3 * 3 + 150 // 32
    assert sum(segment_sizes()) == 150
    assert segment_files() == referenced_files()
    assert written <= 4 * 150  # each row is written a few times


def test_merging_changes_neither_results_nor_the_generation(small_limits):
    images, before, generation = add_segments(2, 2, 2), {}, spaces.active_generation()
    before = {image.pk: ranked_ids(image) for image in images}
    rebuilding.maintain()
    assert segment_sizes() == [2, 2, 2]
    extra = add_segments(2)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in extra]))
    more = add_segments(2)
    deletion.delete(Image.objects.filter(pk=more[0].pk))
    deletion.delete(Image.objects.filter(pk=more[1].pk))
    rebuilding.maintain()
    assert sum(segment_sizes()) == 6
    assert spaces.active_generation() == generation
    assert {image.pk: ranked_ids(image) for image in images} == before


def test_segments_of_different_sizes_are_not_merged(small_limits):
    add_segments(1, 1, 1, 4, 4, 4, 16, 16, 16)
    before = referenced_files()
    rebuilding.maintain()
    assert referenced_files() == before
    add_segments(1)  # the fourth of its size; merging gives the fourth of the next size, and so on
    rebuilding.maintain()
    assert segment_sizes() == [64]


def test_large_segments_are_not_merged(small_limits):
    add_segments(*[33] * 5)
    before = referenced_files()
    rebuilding.maintain()
    assert referenced_files() == before


def test_a_segment_with_many_dead_rows_is_rewritten(small_limits):
    images = add_segments(40)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:9]]))
    before = referenced_files()
    rebuilding.maintain()
    assert referenced_files() == before  # too few dead rows
    deletion.delete(Image.objects.filter(pk=images[9].pk))
    rebuilding.maintain()
    assert segment_sizes() == [30]
    assert segment_files() == referenced_files()


def test_a_rebuild_merges_all_small_segments(small_limits):
    add_segments(30, 30, 30, 1)
    rebuilding.rebuild()
    assert segment_sizes() == [31, 60]
    before = referenced_files()
    rebuilding.rebuild()
    assert referenced_files() == before


def test_merge_writes_code_files(small_limits, monkeypatch):
    monkeypatch.setattr("catalog.services.index.code_cache.MIN_CACHED_ROWS", 1)
    add_segments(*[30] * 4)
    rebuilding.maintain()  # trains an encoder
    generation = spaces.active_generation()
    assert generation.encoder
    add_segments(1, 1, 1, 1)
    rebuilding.maintain()
    merged = Segment.objects.get(rows=4)
    assert (settings.INDEX_DIR / live_index.comparison_key(generation) / merged.name.split("/")[-1]).exists()


def test_segments_of_earlier_versions_are_rewritten(small_limits):
    images = add_segments(2, 2)
    before = {image.pk: ranked_ids(image) for image in images}
    for row in Segment.objects.all():
        old = headerless_files.rewrite_as_old(store.segment_path(row.name))
        Segment.objects.filter(pk=row.pk).update(checksum=old.checksum, digest="")
    rebuilding.maintain()
    assert list(Segment.objects.exclude(digest="").values_list("rows", flat=True)) == [4]
    assert segment_files() == referenced_files()
    assert {image.pk: ranked_ids(image) for image in images} == before


def test_a_damaged_segment_is_not_merged_and_the_others_are(small_limits, caplog):
    add_segments(2, 2, 2, 2)
    damaged = Segment.objects.order_by("pk")[1]
    path = store.segment_path(damaged.name)
    data = bytearray(path.read_bytes())
    data[data.index(open_segment(path).vectors.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    rebuilding.maintain()
    assert segment_sizes() == [2, 6]
    assert Segment.objects.filter(pk=damaged.pk).exists()
    assert path.read_bytes() == data
    assert "its content has changed since it was written. It is not merged." in caplog.text
