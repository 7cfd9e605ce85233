"""A re-extraction extracts all descriptors again, in a new feature space."""

import pytest
from django.core.files.storage import default_storage

from catalog.models import Descriptor, FeatureSpace, Generation, Image
from catalog.services.index import extraction, rebuilding, spaces, store
from catalog.services.index.training import generation_training, projection_comparison
from catalog.services.ingest import uploads
from catalog.services.maintenance import integrity
from catalog.vectors import calibration
from tests.services.index.store_helpers import ranked_ids, referenced_files, segment_files


@pytest.mark.slow
def test_reextraction_extracts_every_image_in_new_space(two_image_segments, other_space):
    old = spaces.active_generation().space
    result = rebuilding.reextract("efficientnet-lite2")
    assert (result.images, result.segments) == (6, 1)
    assert spaces.active_generation().space != old
    assert other_space in spaces.active_generation().space.key
    assert len(ranked_ids(two_image_segments[0])) == 5
    assert integrity.check().ok


@pytest.mark.slow
def test_search_uses_the_old_space_until_the_activation(two_image_segments, other_space, monkeypatch):
    before, seen = ranked_ids(two_image_segments[0]), []

    def extract_and_search(ready, extractor):
        rows = extract(ready, extractor)
        seen.append(ranked_ids(two_image_segments[0]))
        return rows

    extract = extraction.extract
    monkeypatch.setattr(extraction, "extract", extract_and_search)
    rebuilding.reextract("efficientnet-lite2")
    assert seen == [before]
    assert ranked_ids(two_image_segments[0]) != before


@pytest.mark.slow
def test_an_image_added_during_a_reextraction_is_indexed_after_the_activation(
    two_image_segments, picture, other_space, monkeypatch
):
    def extract_and_add_image(ready, extractor):
        if extractor.space.key != space_key:
            monkeypatch.setattr(extraction, "extract", extract)
            uploads.add_picture(picture(50), "new.jpg")
            extraction.index_pending()
        return extract(ready, extractor)

    space_key, extract = spaces.active_generation().space.key, extraction.extract
    monkeypatch.setattr(extraction, "extract", extract_and_add_image)
    rebuilding.reextract("efficientnet-lite2")
    extraction.index_pending()
    assert len(ranked_ids(two_image_segments[0])) == 6
    assert integrity.check().ok


def test_an_image_that_cannot_be_extracted_again_fails_with_a_reason(two_image_segments, other_space):
    default_storage.delete(str(two_image_segments[4].original))
    assert rebuilding.reextract("efficientnet-lite2").images == 5
    extraction.index_pending()
    two_image_segments[4].refresh_from_db()
    assert two_image_segments[4].status == Image.Status.FAILED
    assert "is missing" in two_image_segments[4].failure_reason


@pytest.mark.slow
def test_previous_space_is_kept_and_older_is_deleted(transactional_db, two_image_segments, other_space, monkeypatch):
    first = spaces.active_generation().space
    rebuilding.reextract("efficientnet-lite2")
    assert FeatureSpace.objects.filter(pk=first.pk).exists()
    rebuilding.rebuild()  # in the same space, so the other one is kept
    assert FeatureSpace.objects.filter(pk=first.pk).exists()
    rebuilding.reextract("efficientnet-lite2")
    assert not FeatureSpace.objects.filter(pk=first.pk).exists()
    assert segment_files() == referenced_files()


def test_a_rebuild_keeps_the_descriptors_of_a_stopped_reextraction(
    two_image_segments, other_space, settings, monkeypatch
):
    settings.BATCH_SIZE = 2
    commit = store.commit

    def stop_after_one(*args):
        commit(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "commit", stop_after_one)
    with pytest.raises(KeyboardInterrupt):
        rebuilding.reextract("efficientnet-lite2")
    rebuilding.rebuild()
    unfinished = FeatureSpace.objects.get(generations=None)
    assert Descriptor.objects.filter(space=unfinished).count() == 2


@pytest.mark.slow
def test_a_reextraction_trains_in_the_new_space(two_image_segments, other_space, monkeypatch):
    for module in (calibration, projection_comparison, generation_training):
        monkeypatch.setattr(module, "MIN_IMAGES", 6)
    rebuilding.rebuild()
    generation = rebuilding.reextract("efficientnet-lite2").generation
    before = Generation.objects.get(state=Generation.State.RETIRED)
    assert (before.training_image_count, generation.training_image_count) == (6, 6)
    assert None not in (before.projection_id, generation.projection_id, generation.calibration)
    assert before.projection_id != generation.projection_id
    assert len(ranked_ids(two_image_segments[0])) == 5
