"""Codes and scales of segments are cached in files."""

import numpy as np
import pytest
from django.conf import settings

from catalog import locks, tasks
from catalog.models import BinaryEncoder, Generation
from catalog.services.index import code_cache, rebuilding, spaces
from catalog.services.index.live_index import INDEX, comparison_key
from catalog.services.index.training.code_specs import CodeSpec
from catalog.services.media import deletion
from catalog.services.search import ranking
from catalog.services.search.options import SearchOptions
from catalog.vectors import derived_files, exact, two_stage
from catalog.vectors.codes import code_files
from tests import indexed_images

pytestmark = pytest.mark.django_db


@pytest.fixture
def large_catalogue(monkeypatch):
    """600 images of 30 kinds. With lower limits, their codes are cached and searches use them to select candidates."""
    monkeypatch.setattr(code_cache, "MIN_CACHED_ROWS", 10)
    monkeypatch.setattr(two_stage, "MAX_EXACT_ROWS", 100)
    monkeypatch.setattr(two_stage, "MIN_CANDIDATES", 20)
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(30, 20, spread=0.3))
    rebuilding.rebuild()
    return images


def stored_code_files() -> list[str]:
    return sorted(path.name for path in (settings.INDEX_DIR / comparison_key(spaces.active_generation())).glob("*.h5"))


def ranked_ids(image, **options: bool) -> list[int]:
    return [hit.image.pk for hit in ranking.search_similar(image, SearchOptions(limit=10, **options)).hits]


def test_a_rebuild_caches_codes_of_its_segments_and_measures_their_recall(large_catalogue):
    generation = spaces.active_generation()
    assert stored_code_files() == [
        name.rpartition("/")[2] for name in generation.space.segments.values_list("name", flat=True)
    ]
    assert generation.encoder.bits == 256
    assert generation.candidate_count < 150
    assert generation.recall_at_10 >= 0.99


def test_searches_use_candidates_and_find_the_same_as_exact_search(large_catalogue, monkeypatch):
    compared = []
    rank_rows = exact.rank_rows

    def count_and_rank(snapshot, query, rows, **options):
        compared.append(len(rows))
        return rank_rows(snapshot, query, rows, **options)

    monkeypatch.setattr(exact, "rank_rows", count_and_rank)
    for image in large_catalogue[::100]:
        assert ranked_ids(image) == ranked_ids(image, exact=True)
    assert min(compared) < 150 < max(compared) == 600


def test_a_process_that_opens_the_index_reads_no_vectors(large_catalogue, monkeypatch):
    INDEX.close()
    monkeypatch.setattr(code_files, "build_codes", None)
    view = INDEX.view(spaces.active_generation())
    assert isinstance(view.snapshot.segments[0].codes_and_scales.codes.base, np.memmap)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_missing_or_damaged_codes_are_rebuilt(large_catalogue, state):
    before = ranked_ids(large_catalogue[0])
    (path,) = (settings.INDEX_DIR / comparison_key(spaces.active_generation())).glob("*.h5")
    if state == "missing":
        path.unlink()
    else:
        path.write_bytes(b"damaged")
    INDEX.close()
    assert ranked_ids(large_catalogue[0]) == before
    assert stored_code_files() == [path.name]


def test_search_works_if_codes_cannot_be_written(large_catalogue, monkeypatch, caplog):
    before = ranked_ids(large_catalogue[0])
    for path in settings.INDEX_DIR.glob("*/*.h5"):
        path.unlink()
    INDEX.close()
    monkeypatch.setattr(derived_files.hdf5, "write", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert ranked_ids(large_catalogue[0]) == before
    assert "No space left" in caplog.text


def test_an_image_added_after_the_rebuild_is_found_at_once(large_catalogue):
    (new,) = indexed_images.add_indexed_images(
        indexed_images.normalise(indexed_images.clustered_vectors(30, 20, spread=0.3)[:1] + 0.001)
    )
    assert new.pk in ranked_ids(large_catalogue[0])


def test_a_deleted_image_is_not_found_any_more(large_catalogue):
    deleted_id = ranked_ids(large_catalogue[0])[0]
    deletion.delete(large_catalogue[0].__class__.objects.filter(pk=deleted_id))
    assert deleted_id not in ranked_ids(large_catalogue[0])


def test_codes_of_deleted_generations_and_segments_are_deleted(transactional_db, large_catalogue):
    stray = settings.INDEX_DIR / "unknown-generation"
    stray.mkdir()
    (stray / "one.h5").write_bytes(b"")
    unused = settings.INDEX_DIR / comparison_key(spaces.active_generation()) / "unknown-segment.h5"
    unused.write_bytes(b"")
    rebuilding.delete_unused_codes()
    assert not stray.exists()
    assert not unused.exists()
    assert len(stored_code_files()) == 1


def test_files_of_a_segment_that_a_rebuild_has_not_committed_yet_are_kept(large_catalogue):
    path = settings.INDEX_DIR / comparison_key(spaces.active_generation()) / "neighbours" / "merged-segment.h5"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    with locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"):
        tasks.clean_up()
    assert path.exists()
    tasks.clean_up()
    assert not path.exists()


def test_previous_generation_can_be_restored(large_catalogue):
    before = spaces.active_generation()
    after = rebuilding.rebuild(CodeSpec(64)).generation
    assert spaces.active_generation().encoder.bits == 64
    ranked = ranked_ids(large_catalogue[0])

    assert rebuilding.rollback().generation == before
    assert spaces.active_generation() == before
    assert ranked_ids(large_catalogue[0], exact=True) == ranked
    assert rebuilding.rollback().generation == after  # a second rollback undoes the first
    assert Generation.objects.count() == 2


def test_encoders_without_generation_are_deleted(large_catalogue):
    for bits in (64, 128, 192):
        rebuilding.rebuild(CodeSpec(bits))
    assert sorted(BinaryEncoder.objects.values_list("bits", flat=True)) == [128, 192]
