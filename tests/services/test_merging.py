"""Many segments become few by themselves, and what is dead leaves."""

import numpy as np
import pytest
from django.conf import settings

from catalog.models import Image, Segment
from catalog.services import deletion, live_index, merging, rebuilding, searching, spaces
from tests import described

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small(monkeypatch):
    """Four segments of about a size are merged, into such of 64 rows at most."""
    monkeypatch.setattr(merging, "FAN", 4)
    monkeypatch.setattr(merging, "MERGED_ROWS", 64)


def feed(*sizes: int) -> list[Image]:
    """A segment of each size; the images of all."""
    vectors = iter(described.kinds(sum(sizes), 1, seed=Image.objects.count()))
    return [image for size in sizes for image in described.add(np.stack([next(vectors) for _ in range(size)]))]


def sizes() -> list[int]:
    return sorted(Segment.objects.values_list("rows", flat=True))


def files() -> set[str]:
    return {path.relative_to(settings.FEATURES_DIR).as_posix() for path in settings.FEATURES_DIR.rglob("*.h5")}


def named() -> set[str]:
    return set(Segment.objects.values_list("name", flat=True))


def ranking(image: Image) -> list[tuple[int, float]]:
    return [(hit.image.pk, round(hit.score, 5)) for hit in searching.like(image, count=200).hits]


def test_a_catalogue_fed_one_picture_at_a_time_ends_with_few_segments(small):
    written = 0
    for _ in range(150):
        feed(1)
        before = named()
        rebuilding.keep_up()
        written += sum(Segment.objects.exclude(name__in=before).values_list("rows", flat=True))
        assert len(sizes()) <= 3 * 3 + 150 // 32
    assert sum(sizes()) == 150
    assert files() == named()
    assert written <= 4 * 150  # each row a handful of times


def test_merging_changes_no_answer_and_no_generation(small):
    images, before, generation = feed(2, 2, 2), {}, spaces.active()
    before = {image.pk: ranking(image) for image in images}
    rebuilding.keep_up()
    assert sizes() == [2, 2, 2]
    extra = feed(2)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in extra]))
    more = feed(2)
    deletion.delete(Image.objects.filter(pk=more[0].pk))
    deletion.delete(Image.objects.filter(pk=more[1].pk))
    rebuilding.keep_up()
    assert sum(sizes()) == 6
    assert spaces.active() == generation
    assert {image.pk: ranking(image) for image in images} == before


def test_segments_of_different_sizes_wait_for_their_like(small):
    feed(1, 1, 1, 4, 4, 4, 16, 16, 16)
    before = named()
    rebuilding.keep_up()
    assert named() == before
    feed(1)  # the fourth of its size; what they make is the fourth of the next, and so on
    rebuilding.keep_up()
    assert sizes() == [64]


def test_large_segments_are_left_alone(small):
    feed(*[33] * 5)
    before = named()
    rebuilding.keep_up()
    assert named() == before


def test_a_segment_that_is_mostly_deleted_is_written_anew_without(small):
    images = feed(40)
    deletion.delete(Image.objects.filter(pk__in=[image.pk for image in images[:9]]))
    before = named()
    rebuilding.keep_up()
    assert named() == before  # not yet worth it
    deletion.delete(Image.objects.filter(pk=images[9].pk))
    rebuilding.keep_up()
    assert sizes() == [30]
    assert files() == named()


def test_a_rebuild_merges_all_up_to_a_size(small):
    feed(30, 30, 30, 1)
    rebuilding.rebuild()
    assert sizes() == [31, 60]
    before = named()
    rebuilding.rebuild()
    assert named() == before


def test_who_merges_makes_the_codes_too(small, monkeypatch):
    monkeypatch.setattr("catalog.services.derivation.KEPT_FROM", 1)
    feed(*[30] * 4)
    rebuilding.keep_up()  # learns
    generation = spaces.active()
    assert generation.coder
    feed(1, 1, 1, 1)
    rebuilding.keep_up()
    made = Segment.objects.get(rows=4)
    assert (settings.INDEX_DIR / live_index.key_of(generation) / made.name.split("/")[-1]).exists()
