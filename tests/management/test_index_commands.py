"""Tests of the commands rebuild_index and check_index."""

import pytest
from django.core.files.storage import default_storage

from catalog.models import Generation, Segment
from catalog.services.index import extraction, generation_summary, spaces, store
from catalog.services.ingest import uploads
from tests import indexed_images

pytestmark = pytest.mark.django_db

CHECK_KEYS = ["images", "indexed", "pending", "failed", "segments", "orphans", "missing", "corrupt", "ok"]


def test_a_catalogue_without_problems_is_reported(manage, catalogue):
    result = manage("check_index", "--json")
    assert list(result.json) == CHECK_KEYS
    assert result.json["ok"] is True
    assert (result.json["images"], result.json["indexed"], result.json["segments"]) == (6, 6, 1)
    assert result.status == 0
    assert "No problems found." in manage("check_index").out


def test_an_empty_catalogue_has_no_problems(manage):
    assert manage("check_index", "--json").json["ok"] is True


@pytest.mark.parametrize("problem", ["corrupt", "missing"])
def test_a_damaged_or_missing_segment_is_reported_and_repaired(manage, catalogue, problem):
    path = store.segment_path(Segment.objects.get().name)
    path.write_bytes(path.read_bytes()[:-100]) if problem == "corrupt" else path.unlink()
    result = manage("check_index", "--json")
    assert (result.status, result.json["ok"], result.json[problem]) == (1, False, 1)
    assert path.stem in result.err
    assert "check_index --repair" in manage("check_index").out
    repaired = manage("check_index", "--repair", "--json")
    assert (repaired.status, repaired.json["ok"], repaired.json["indexed"]) == (0, True, 6)


def test_a_missing_original_is_named(manage, catalogue):
    default_storage.delete(str(catalogue[0].original))
    result = manage("check_index", "--json")
    assert (result.status, result.json["missing"]) == (1, 1)
    assert "picture-0.jpg" in result.err
    assert "Upload it again" in result.err


def test_orphans_are_counted_and_deleted(manage, catalogue):
    (store.segment_path(Segment.objects.get().name).parent / "orphan.h5").write_bytes(b"x")
    result = manage("check_index", "--json")
    assert (result.status, result.json["orphans"], result.json["ok"]) == (0, 1, True)
    assert manage("check_index", "--repair", "--json").json["orphans"] == 0


@pytest.mark.slow
def test_a_rebuild_activates_a_new_generation(manage, catalogue):
    before = Generation.objects.get(state="active")
    result = manage("rebuild_index", "--json")
    assert result.json["images"] == 6
    assert Generation.objects.get(state="active").pk == result.json["generation"] != before.pk


REBUILD_KEYS = [
    "generation",
    "feature_space",
    "images",
    "segments",
    "learned_from",
    "whitened",
    "projection",
    "bits",
    "candidates",
    "recall_at_10",
    "labels",
    "code_accuracy",
    "code_map",
    "seconds",
]


@pytest.mark.slow
def test_a_rebuild_reports_its_training(manage, db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    result = manage("rebuild_index", "--json")
    assert list(result.json) == REBUILD_KEYS
    assert (result.json["learned_from"], result.json["whitened"], result.json["bits"]) == (120, False, 256)
    assert result.json["projection"] == spaces.active_generation().projection_choice
    assert result.json["projection"]["name"] == "centred"
    assert result.json["recall_at_10"] >= 0.99
    out = manage("rebuild_index").out
    assert "Descriptors: centred: what all images have in common does not count." in out
    assert "Codes: 256 bits; " in out
    assert "Similarity levels: Same picture from 0.9" in out


@pytest.mark.trains
@pytest.mark.timeout(300)  # loads TensorFlow
def test_a_supervised_rebuild_reports_the_quality_of_the_codes(manage, db):
    indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(6, 20, spread=0.2),
        collections=[f"Kind {number // 20}" for number in range(120)],
    )
    data = manage("rebuild_index", "--labels", "collection", "--json").json
    assert (data["labels"], data["bits"]) == ("collection", 48)
    assert data["code_accuracy"] > 0.9
    assert data["code_map"] > 0.9
    description = generation_summary.describe_codes(Generation.objects.get(state=Generation.State.ACTIVE))
    assert "Trained on 6 collections; " in description
    assert "of 24 held-out images" in description


def test_labels_that_cannot_be_trained_with_are_rejected_before_the_rebuild(manage, db):
    indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(12, 10), collections=["Bags"] * 116 + ["Cups"] * 4
    )
    before = Generation.objects.get()
    result = manage("rebuild_index", "--labels", "collection")
    assert result.status == 1
    assert "too few collections to learn from: 2 or more with at least 5 searchable images each" in result.err
    assert "there are 1." in result.err
    assert "there are 0" in manage("rebuild_index", "--labels", "tag").err
    assert Generation.objects.get() == before


def test_too_few_images_for_labels_are_rejected(manage, catalogue):
    assert "needs 100 or more searchable images" in manage("rebuild_index", "--labels", "collection").err


def test_a_rebuild_of_few_images_reports_that_there_is_no_projection(manage, catalogue):
    data = manage("rebuild_index", "--json").json
    assert (data["learned_from"], data["whitened"]) == (6, False)
    out = manage("rebuild_index").out
    assert "Descriptors: compared as they are: fewer than 100 images." in out
    assert "Codes: none; every search compares the query with all images." in out
    assert "Similarity levels: not calibrated: fewer than 100 different images." in out


@pytest.mark.slow
def test_the_previous_generation_can_be_restored(manage, db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    first = manage("rebuild_index", "--bits", 64, "--json").json
    assert manage("rebuild_index", "--json").json["bits"] == 256
    back = manage("rebuild_index", "--rollback", "--json").json
    assert (back["generation"], back["bits"]) == (first["generation"], 64)


def test_all_descriptors_can_be_extracted_again(manage, catalogue):
    result = manage("rebuild_index", "--reextract", "--extractor", "efficientnet-lite2", "--json")
    assert (result.status, result.json["images"]) == (0, 6)
    assert manage("check_index", "--json").json["ok"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--extractor", "efficientnet-lite2"), "--extractor requires --reextract"),
        (("--bits", "7"), "--bits is 7; it must be between 8 and 1024."),
        (("--bits", "0"), "--bits is 0; it must be between 8 and 1024."),
        (("--rollback", "--reextract"), "cannot be combined"),
        (("--rollback", "--labels", "tag"), "cannot be combined"),
        (("--rollback", "--bits", "64"), "cannot be combined"),
        (("--labels", "colour"), "invalid choice: 'colour'"),
        (("--rollback",), "There is no previous generation to roll back to."),
        (("--reextract", "--extractor", "resnet"), "IMAGESEARCH_EXTRACTOR is 'resnet'. Set it to auto"),
    ],
)
def test_invalid_arguments_are_explained(manage, catalogue, words, message):
    result = manage("rebuild_index", *words)
    assert result.status == 1
    assert message in result.err


def test_missing_weights_stop_a_rebuild_and_the_old_generation_stays_active(manage, catalogue, settings, tmp_path):
    before = Generation.objects.get(state="active")
    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    result = manage("rebuild_index", "--reextract", "--extractor", "vgg16")
    assert result.status == 1
    assert "gone.h5" in result.err
    assert Generation.objects.get(state="active") == before


def test_a_damaged_segment_stops_a_rebuild_with_advice(manage, catalogue, picture):
    store.segment_path(Segment.objects.get().name).write_bytes(b"not HDF5")
    uploads.add_picture(picture(20), "new.jpg")
    extraction.index_pending()  # creates a second segment, which a rebuild merges with the first
    result = manage("rebuild_index")
    assert result.status == 1
    assert "check_index --repair" in result.err
