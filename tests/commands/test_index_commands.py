"""rebuild_index and check_index."""

import pytest
from django.core.files.storage import default_storage

from catalog.models import Generation, Segment
from catalog.services import indexing, store, uploads
from tests import described

pytestmark = pytest.mark.django_db

CHECKED = ["images", "indexed", "pending", "failed", "segments", "orphans", "missing", "corrupt", "ok"]


def test_a_sound_catalogue_is_told_so(manage, catalogue):
    told = manage("check_index", "--json")
    assert list(told.answer) == CHECKED
    assert told.answer["ok"] is True
    assert (told.answer["images"], told.answer["indexed"], told.answer["segments"]) == (6, 6, 1)
    assert told.status == 0
    assert "All is well." in manage("check_index").out


def test_an_empty_catalogue_is_sound(manage):
    assert manage("check_index", "--json").answer["ok"] is True


@pytest.mark.parametrize("harm", ["corrupt", "missing"])
def test_a_damaged_segment_is_told_and_mended(manage, catalogue, harm):
    path = store.path_of(Segment.objects.get().name)
    path.write_bytes(path.read_bytes()[:-100]) if harm == "corrupt" else path.unlink()
    told = manage("check_index", "--json")
    assert (told.status, told.answer["ok"], told.answer[harm]) == (1, False, 1)
    assert path.stem in told.err
    assert "check_index --repair" in manage("check_index").out
    mended = manage("check_index", "--repair", "--json")
    assert (mended.status, mended.answer["ok"], mended.answer["indexed"]) == (0, True, 6)


def test_a_missing_original_is_named(manage, catalogue):
    default_storage.delete(str(catalogue[0].original))
    told = manage("check_index", "--json")
    assert (told.status, told.answer["missing"]) == (1, 1)
    assert "picture-0.jpg" in told.err
    assert "Upload it again" in told.err


def test_litter_is_counted_does_no_harm_and_is_swept(manage, catalogue):
    (store.path_of(Segment.objects.get().name).parent / "litter.h5").write_bytes(b"x")
    told = manage("check_index", "--json")
    assert (told.status, told.answer["orphans"], told.answer["ok"]) == (0, 1, True)
    assert manage("check_index", "--repair", "--json").answer["orphans"] == 0


def test_a_rebuild_swaps_a_new_generation_in(manage, catalogue):
    before = Generation.objects.get(state="active")
    told = manage("rebuild_index", "--json")
    assert told.answer["images"] == 6
    assert Generation.objects.get(state="active").pk == told.answer["generation"] != before.pk


REBUILT = [
    "generation",
    "feature_space",
    "images",
    "segments",
    "learned_from",
    "whitened",
    "bits",
    "candidates",
    "recall_at_10",
    "labels",
    "code_accuracy",
    "code_map",
    "seconds",
]


def test_a_rebuild_tells_what_it_learned(manage, db):
    described.add(described.kinds(12, 10))
    told = manage("rebuild_index", "--json")
    assert list(told.answer) == REBUILT
    assert (told.answer["learned_from"], told.answer["whitened"], told.answer["bits"]) == (120, True, 256)
    assert told.answer["recall_at_10"] >= 0.99
    out = manage("rebuild_index").out
    assert "Descriptors: whitened, as 120 images taught." in out
    assert "Codes: 256 bits; " in out
    assert "Scores: same picture from 0.9" in out


@pytest.mark.trains
def test_a_rebuild_by_labels_tells_what_its_codes_are_worth(manage, db):
    described.add(described.kinds(6, 40, spread=0.2), collections=[f"Kind {number // 40}" for number in range(240)])
    answer = manage("rebuild_index", "--labels", "collection", "--json").answer
    assert (answer["labels"], answer["bits"]) == ("collection", 48)
    assert answer["code_accuracy"] > 0.9
    assert answer["code_map"] > 0.9
    assert "Learned from 6 collections; of 48 images held out" in manage("rebuild_index", "--labels", "collection").out


def test_labels_that_cannot_teach_are_refused_before_anything_is_built(manage, db):
    described.add(described.kinds(12, 10), collections=["Bags"] * 116 + ["Cups"] * 4)
    before = Generation.objects.get()
    told = manage("rebuild_index", "--labels", "collection")
    assert told.status == 1
    assert "takes 2 collections or more of 5 searchable images or more each, and there are 1." in told.err
    assert "there are 0" in manage("rebuild_index", "--labels", "tag").err
    assert Generation.objects.get() == before


def test_too_few_images_for_labels_are_refused(manage, catalogue):
    assert "learned from 100 searchable images on" in manage("rebuild_index", "--labels", "collection").err


def test_a_rebuild_of_few_images_tells_why_they_are_compared_as_they_are(manage, catalogue):
    answer = manage("rebuild_index", "--json").answer
    assert (answer["learned_from"], answer["whitened"]) == (6, False)
    out = manage("rebuild_index").out
    assert "Descriptors: compared as they are: fewer than 100 images teach no whitening." in out
    assert "Codes: none: every search compares with every image." in out
    assert "Scores: not said: that takes 100 images that differ." in out


def test_the_generation_before_is_brought_back(manage, db):
    described.add(described.kinds(12, 10))
    first = manage("rebuild_index", "--bits", 64, "--json").answer
    assert manage("rebuild_index", "--json").answer["bits"] == 256
    back = manage("rebuild_index", "--rollback", "--json").answer
    assert (back["generation"], back["bits"]) == (first["generation"], 64)


def test_every_original_can_be_described_again(manage, catalogue):
    told = manage("rebuild_index", "--reextract", "--extractor", "vgg16-compact", "--json")
    assert (told.status, told.answer["images"]) == (0, 6)
    assert manage("check_index", "--json").answer["ok"] is True


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (("--extractor", "vgg16-compact"), "--extractor goes with --reextract"),
        (("--bits", "7"), "--bits is 7; it takes 8 to 1024."),
        (("--bits", "0"), "--bits is 0; it takes 8 to 1024."),
        (("--rollback", "--reextract"), "choose one"),
        (("--rollback", "--labels", "tag"), "choose one"),
        (("--rollback", "--bits", "64"), "choose one"),
        (("--labels", "colour"), "invalid choice: 'colour'"),
        (("--rollback",), "There is no generation before this one to go back to."),
        (("--reextract", "--extractor", "resnet"), "invalid choice: 'resnet'"),
    ],
)
def test_wrong_words_are_explained(manage, catalogue, words, explained):
    told = manage("rebuild_index", *words)
    assert told.status == 1
    assert explained in told.err


def test_weights_that_are_not_there_stop_a_rebuild_and_the_old_generation_serves(manage, catalogue, settings, tmp_path):
    before = Generation.objects.get(state="active")
    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    told = manage("rebuild_index", "--reextract", "--extractor", "vgg16")
    assert told.status == 1
    assert "gone.h5" in told.err
    assert Generation.objects.get(state="active") == before


def test_a_damaged_segment_stops_a_rebuild_with_what_to_do(manage, catalogue, picture):
    store.path_of(Segment.objects.get().name).write_bytes(b"not HDF5")
    uploads.add(picture(20), "new.jpg")
    indexing.index_pending()  # into a second segment, which a rebuild merges with the first
    told = manage("rebuild_index")
    assert told.status == 1
    assert "check_index --repair" in told.err
