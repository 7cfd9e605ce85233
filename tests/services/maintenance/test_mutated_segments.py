"""No damage of a segment stops a search or a check, and each is reported and repaired."""

import random

import pytest

from benchmarks.mutated_segments.mutation import mutate, replace_file
from catalog.models import Segment
from catalog.services.index import extraction, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity
from catalog.services.search import queries, ranking
from tests.vectors import headerless_files


@pytest.mark.slow
def test_each_of_many_changes_is_reported(catalogue, picture):
    """`python -m benchmarks.mutated_segments` makes more of them, also of derived files, and repairs them."""
    new = uploads.add_picture(picture(9), "new.jpg").image
    extraction.index_pending()
    path = store.segment_path(Segment.objects.order_by("pk").first().name)
    intact, rng = path.read_bytes(), random.Random(0)  # noqa: S311
    for _ in range(120):
        replace_file(path, mutate(intact, rng))
        INDEX.close()
        assert new in [hit.image for hit in ranking.search(queries.image_query(new)).hits]
        assert integrity.check().corrupt == 1
    assert integrity.repair().ok
    INDEX.close()
    assert len(ranking.search(queries.image_query(new)).hits) == 7


def test_a_change_outside_the_datasets_is_reported_and_repaired(catalogue):
    """libhdf5 crashed when these bytes were changed, and no checksum covered them."""
    path = store.segment_path(Segment.objects.get().name)
    for at in (20, 4096, 4096 + 90, 4096 + 800):
        path = store.segment_path(Segment.objects.get().name)
        data = bytearray(path.read_bytes())
        data[at] ^= 255
        replace_file(path, bytes(data))
        report = integrity.check()
        assert (report.corrupt, report.ok) == (1, False), at
        assert integrity.repair().ok


def test_a_segment_of_an_earlier_version_gets_a_digest_from_a_repair(catalogue):
    before = [hit.image for hit in ranking.search_similar(catalogue[0]).hits]
    row = Segment.objects.get()
    old = headerless_files.rewrite_as_old(store.segment_path(row.name))
    Segment.objects.update(checksum=old.checksum, digest="")
    INDEX.close()
    assert [hit.image for hit in ranking.search_similar(catalogue[0]).hits] == before
    assert integrity.check().ok
    assert integrity.repair().ok
    assert Segment.objects.get().digest
    assert [hit.image for hit in ranking.search_similar(catalogue[0]).hits] == before
