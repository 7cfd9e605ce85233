"""Codes and scales of segments, kept beside them."""

import numpy as np
import pytest
from django.conf import settings

from catalog.models import Coder, Generation
from catalog.services import deletion, derivation, rebuilding, searching, spaces
from catalog.services.learning import Codes
from catalog.services.live_index import INDEX, key_of
from catalog.vectors import derived, exact, two_stage
from catalog.vectors.projection import Projection
from tests import described

pytestmark = pytest.mark.django_db


@pytest.fixture
def large(monkeypatch):
    """600 images of 30 kinds, which are many here: their codes are kept, and choose candidates."""
    monkeypatch.setattr(derivation, "KEPT_FROM", 10)
    monkeypatch.setattr(two_stage, "EXACT_BELOW", 100)
    monkeypatch.setattr(two_stage, "FEWEST", 20)
    images = described.add(described.kinds(30, 20, spread=0.3))
    rebuilding.rebuild()
    return images


def kept() -> list[str]:
    return sorted(path.name for path in (settings.INDEX_DIR / key_of(spaces.active())).glob("*.h5"))


def ranking(image, **options: object) -> list[int]:
    return [hit.image.pk for hit in searching.like(image, count=10, **options).hits]


def test_a_rebuild_keeps_codes_for_its_segments_and_measures_what_they_are_worth(large):
    generation = spaces.active()
    assert kept() == [name.rpartition("/")[2] for name in generation.space.segments.values_list("name", flat=True)]
    assert generation.coder.bits == 256
    assert generation.candidates < 150
    assert generation.recall >= 0.99


def test_searches_go_by_candidates_and_find_what_all_comparisons_find(large, monkeypatch):
    compared = []
    best_of = exact.best_of

    def counted(snapshot, sought, rows, **options):
        compared.append(exact.count(snapshot, rows))
        return best_of(snapshot, sought, rows, **options)

    monkeypatch.setattr(exact, "best_of", counted)
    for image in large[::100]:
        assert ranking(image) == ranking(image, exactly=True)
    assert min(compared) < 150 < max(compared) == 600


def test_a_process_that_opens_the_index_reads_no_vectors(large, monkeypatch):
    INDEX.forget()
    monkeypatch.setattr(Projection, "turned", None)  # what any derivation calls
    view = INDEX.view(spaces.active())
    assert isinstance(view.snapshot.segments[0].derived.codes, np.memmap)


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_codes_that_are_lost_or_damaged_are_made_again(large, harm):
    before = ranking(large[0])
    (path,) = (settings.INDEX_DIR / key_of(spaces.active())).glob("*.h5")
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(b"no longer")
    INDEX.forget()
    assert ranking(large[0]) == before
    assert kept() == [path.name]


def test_a_disk_that_refuses_codes_stops_no_search(large, monkeypatch, caplog):
    before = ranking(large[0])
    for path in settings.INDEX_DIR.glob("*/*.h5"):
        path.unlink()
    INDEX.forget()
    monkeypatch.setattr(derived.arrays, "write", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert ranking(large[0]) == before
    assert "No space left" in caplog.text


def test_an_image_that_comes_after_the_rebuild_is_found_at_once(large):
    (new,) = described.add(described.unit(described.kinds(30, 20, spread=0.3)[:1] + 0.001))
    assert new.pk in ranking(large[0])


def test_a_deleted_image_is_gone_at_once(large):
    gone = ranking(large[0])[0]
    deletion.delete(large[0].__class__.objects.filter(pk=gone))
    assert gone not in ranking(large[0])


def test_codes_of_generations_and_segments_that_are_no_more_are_swept(transactional_db, large):
    stray = settings.INDEX_DIR / "of-no-generation"
    stray.mkdir()
    (stray / "one.h5").write_bytes(b"")
    here = settings.INDEX_DIR / key_of(spaces.active()) / "of-no-segment.h5"
    here.write_bytes(b"")
    rebuilding.sweep()
    assert not stray.exists()
    assert not here.exists()
    assert len(kept()) == 1


def test_a_generation_before_can_be_brought_back(large):
    before = spaces.active()
    after = rebuilding.rebuild(Codes(64)).generation
    assert spaces.active().coder.bits == 64
    ranked = ranking(large[0])

    assert rebuilding.rollback().generation == before
    assert spaces.active() == before
    assert ranking(large[0], exactly=True) == ranked
    assert rebuilding.rollback().generation == after  # and there again
    assert Generation.objects.count() == 2


def test_coders_without_a_generation_are_let_go(large):
    for bits in (64, 128, 192):
        rebuilding.rebuild(Codes(bits))
    assert sorted(Coder.objects.values_list("bits", flat=True)) == [128, 192]
