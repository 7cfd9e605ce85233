"""Pictures are described while an import takes them in, from the pixels that were decoded for their thumbnails."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pixels

from catalog.exceptions import StoreUnavailable
from catalog.imaging import decoding
from catalog.models import Descriptor, Generation, Image
from catalog.services import deletion, imports, indexing, spaces, store, uploads
from catalog.services.alongside import Alongside
from catalog.services.found_files import Found
from catalog.vectors.segments import open_segment

from .meanwhile import another_space_serves, before_the_commit


@pytest.fixture(autouse=True)
def small_handfuls(monkeypatch):
    monkeypatch.setattr(imports, "HANDFUL", 2)


def take_in(*files: bytes, describer: Alongside) -> list[Image]:
    found = [Found(f"{number}.jpg", "", partial(bytes, data)) for number, data in enumerate(files)]
    return [outcome.image for outcomes in imports.take_in(found, describer=describer) for outcome in outcomes]


def left_alone() -> bool:
    """Whether all images wait as if nobody had tried them."""
    return set(Image.objects.values_list("status", "claim", "attempts")) == {("pending", "", 0)}


@pytest.fixture
def decoded(monkeypatch) -> Counter:
    """How often the bytes of each file were decoded."""
    counted, undisturbed = Counter(), decoding._decoded

    def decode(data, *args):
        counted[data] += 1
        return undisturbed(data, *args)

    monkeypatch.setattr(decoding, "_decoded", decode)
    return counted


def test_each_picture_is_decoded_once(db, picture, decoded):
    files = list(map(picture, range(5)))
    with Alongside() as describer:
        take_in(*files, describer=describer)
    assert Image.objects.indexed().count() == 5
    assert decoded == Counter(files)


def test_what_is_handed_on_gives_the_very_descriptor_that_the_original_gives(db, picture):
    turned = Pixels.Exif()
    turned[ExifTags.Base.Orientation] = 6
    files = [
        picture(1, size=(2600, 2000), exif=turned),
        picture(2, size=(700, 560)),
        picture(3, format="PNG", size=(900, 800)),
        picture(4, size=(40, 30)),
    ]
    with Alongside() as describer:
        images = take_in(*files, describer=describer)
    extractor = spaces.extractor(spaces.active_or_first(), for_batches=True)
    for image in images:
        place = Descriptor.objects.select_related("segment").get(image=image)
        stored = open_segment(store.path_of(place.segment.name)).vectors[place.row]
        assert np.array_equal(stored, extractor.describe([indexing.prepare(image, extractor)])[0])


def test_what_is_described_is_told_as_it_is_committed(db, picture):
    told: list[int] = []
    with Alongside(told.append) as describer:
        take_in(*map(picture, range(5)), describer=describer)
    assert told == [2, 2, 1]


def test_nobody_else_takes_what_is_in_hand(db, picture):
    found = [Found(f"{number}.jpg", "", partial(picture, number)) for number in range(4)]
    with Alongside() as describer:
        taking = imports.take_in(found, describer=describer)
        next(taking)
        assert indexing.index_pending().indexed == 0
        list(taking)
    assert Image.objects.indexed().count() == 4


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StoreUnavailable("The disk is full.")])
def test_an_import_that_is_stopped_leaves_nothing_claimed_and_loses_nothing(db, picture, stop):
    found = [Found(f"{number}.jpg", "", partial(picture, number)) for number in range(6)]
    with pytest.raises((KeyboardInterrupt, StoreUnavailable)), Alongside() as describer:
        for _ in imports.take_in(found, describer=describer):
            raise stop
    assert Image.objects.count() == 2
    assert left_alone()
    assert indexing.index_pending().indexed == 2


def test_descriptors_that_cannot_be_written_do_not_stop_the_import(db, picture, caplog):
    space = spaces.active_or_first()
    store.path_of("").mkdir(parents=True)
    store.path_of(space.key).write_text("a file where the folder should be")
    with Alongside() as describer:
        take_in(*map(picture, range(7)), describer=describer)
    assert Image.objects.count() == 7
    assert left_alone()
    assert [record.message[:34] for record in caplog.records] == [
        "Descriptors cannot be written to " + str(store.path_of(""))[0]
    ]


def test_weights_that_are_missing_do_not_stop_the_import(db, picture, settings, tmp_path, caplog):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "vgg16", tmp_path / "gone.h5"
    with Alongside() as describer:
        take_in(*map(picture, range(5)), describer=describer)
    assert Image.objects.count() == 5
    assert left_alone()
    assert "gone.h5" in caplog.text


def test_after_a_rebuild_in_another_space_the_rest_is_described_there(db, picture):
    old = spaces.active_or_first()
    with pytest.MonkeyPatch.context() as patching, Alongside() as describer:
        before_the_commit(patching, lambda: another_space_serves("another-space"))
        take_in(*map(picture, range(8)), describer=describer)
    described = Descriptor.objects.filter(space__key="another-space").count()
    assert 0 < described < 8
    assert not Descriptor.objects.filter(space=old).exists()
    assert not Image.objects.exclude(claim="").exists()
    assert indexing.index_pending().indexed == 8 - described


def test_what_was_prepared_for_another_space_is_not_used(db, picture, decoded):
    """A handful that was begun before the rebuild and is described after it."""
    space = spaces.active_or_first()
    extractor = spaces.extractor(space, for_batches=True)
    with uploads.hands() as threads, Alongside() as describer:
        files = uploads.read([uploads.Incoming("a.jpg", partial(picture, 1))], threads)
        begun = uploads.begin(files, threads, spaces.extractor(space, for_batches=False))
        assert describer.extractor() is extractor
        (outcome,) = uploads.end(begun, threads, **describer.claimed_at_birth())
        describer.take([outcome.image], begun.prepared, begun.extractor)
    assert Image.objects.indexed().count() == 1
    assert decoded[picture(1)] == 2


def test_an_image_that_is_deleted_while_it_is_described_is_never_searchable(db, picture, monkeypatch):
    before_the_commit(monkeypatch, lambda: deletion.delete(Image.objects.order_by("pk")[:1]))
    with Alongside() as describer:
        take_in(*map(picture, range(5)), describer=describer)
    assert Image.objects.indexed().count() == Image.objects.count() == 4


def test_nothing_to_take_in_chooses_no_space(db):
    with Alongside() as describer:
        assert take_in(describer=describer) == []
    assert not Generation.objects.exists()
