"""Descriptors go out as one file and come back from it."""

import h5py
import numpy as np
import pytest

from catalog.exceptions import FeaturesRefused, NothingIndexed
from catalog.models import Descriptor, Image, Segment
from catalog.services import deletion, exchange, indexing, integrity, searching, spaces, store, uploads
from catalog.services.live_index import INDEX
from catalog.vectors import flat


def ranking(image: Image) -> list[tuple[int, float]]:
    INDEX.forget()
    return [(hit.image.pk, round(hit.score, 4)) for hit in searching.like(image).hits]


def lose_descriptors() -> None:
    Segment.objects.all().delete()
    for path in store.files():
        path.unlink()
    Image.objects.update(status=Image.Status.PENDING)


@pytest.fixture
def exported(catalogue, tmp_path):
    exchange.export(tmp_path / "out.h5")
    return tmp_path / "out.h5"


@pytest.fixture
def tutorial(exported, tmp_path):
    """The same descriptors as the popular tutorial would have them: of any length, and the last part of names alone."""

    def write(vectors=lambda same: same * 3, names=lambda same: same):
        with h5py.File(exported) as ours, h5py.File(tmp_path / "theirs.h5", "w") as theirs:
            theirs["dataset_1"] = vectors(ours["dataset_1"][:])
            theirs["dataset_2"] = np.array(names([name.decode() for name in ours["dataset_2"]]), "S")
        return tmp_path / "theirs.h5"

    return write


def test_what_goes_out_is_what_the_tutorial_reads(catalogue, exported):
    with h5py.File(exported) as file:
        vectors, names = file["dataset_1"][:], [name.decode() for name in file["dataset_2"][:]]
        assert [bytes(digest).hex() for digest in file["digests"][:]] == [image.sha256 for image in catalogue]
    assert names == [image.source for image in catalogue]
    for image, vector in zip(catalogue, vectors, strict=True):
        assert np.array_equal(vector, searching.descriptor_of(image).vector)


def test_what_went_out_comes_back_and_searches_are_as_before(catalogue, exported):
    before = {image.pk: ranking(image) for image in catalogue}
    lose_descriptors()
    taken = exchange.take_in(exported)
    assert (taken.rows, taken.matched, taken.imported, taken.already, taken.unmatched) == (6, 6, 6, 0, 0)
    assert {image.pk: ranking(image) for image in catalogue} == before
    assert integrity.check().ok


def test_what_is_there_already_is_left_alone(catalogue, exported):
    segments = list(Segment.objects.values_list("name", flat=True))
    taken = exchange.take_in(exported)
    assert (taken.matched, taken.imported, taken.already) == (6, 0, 6)
    assert list(Segment.objects.values_list("name", flat=True)) == segments


def test_deleted_images_do_not_go_out_and_do_not_come_back(catalogue, exported, tmp_path):
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert exchange.export(tmp_path / "five.h5") == 5
    assert exchange.take_in(exported).unmatched == 1


def test_images_are_known_by_their_digests_whatever_they_are_called(catalogue, exported):
    before = ranking(catalogue[0])
    Image.objects.update(source="renamed.jpg")
    lose_descriptors()
    assert exchange.take_in(exported).imported == 6
    assert ranking(catalogue[0]) == before


def test_a_file_of_the_tutorial_is_matched_by_name_and_its_vectors_brought_to_unit_length(catalogue, tutorial):
    before = {image.pk: ranking(image) for image in catalogue}
    lose_descriptors()
    taken = exchange.take_in(tutorial())
    assert (taken.imported, taken.told_space) == (6, False)
    assert {image.pk: ranking(image) for image in catalogue} == before


def test_a_name_is_known_by_its_last_part_unless_several_have_it(catalogue, tutorial):
    lose_descriptors()
    Image.objects.filter(pk=catalogue[0].pk).update(source="bags/a.jpg")
    Image.objects.filter(pk=catalogue[1].pk).update(source="cups/a.jpg")
    names = ["a.jpg", "cups/a.jpg", *[f"database/{image.source}" for image in catalogue[2:5]], "nowhere.jpg"]
    taken = exchange.take_in(tutorial(names=lambda same: names))
    assert (taken.matched, taken.unmatched) == (4, 2)
    described = Image.objects.filter(spaces.described_in(spaces.active_space()))
    assert set(described.values_list("pk", flat=True)) == {image.pk for image in catalogue[1:5]}


def test_rows_of_one_image_count_once(catalogue, tutorial):
    lose_descriptors()
    taken = exchange.take_in(tutorial(names=lambda same: [same[0]] * 6))
    assert (taken.matched, taken.imported, taken.already) == (6, 1, 5)
    assert Descriptor.objects.count() == 1


def test_large_files_are_taken_in_pieces(catalogue, exported, monkeypatch):
    lose_descriptors()
    monkeypatch.setattr(flat, "PIECE", 4)
    assert exchange.take_in(exported).imported == 6
    assert sorted(Segment.objects.values_list("rows", flat=True)) == [2, 4]


def test_images_that_failed_or_wait_become_searchable(catalogue, exported, picture):
    lose_descriptors()
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.FAILED, failure_reason="It was.")
    exchange.take_in(exported)
    assert Image.objects.indexed().count() == 6
    uploads.add(picture(9), "new.jpg")
    assert indexing.index_pending().indexed == 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda rows: rows[:, :64], "have 64 dimensions"),
        (lambda rows: np.where(np.arange(len(rows)) == 2, np.nan, rows.T).T, "Row 2 of .* not finite"),
        (lambda rows: np.where(np.arange(len(rows)) == 5, 0, rows.T).T, "Row 5 of .* only zeros"),
        (lambda rows: rows.astype(int), "not a matrix of floating-point numbers"),
        (lambda rows: rows[0], "not a matrix of floating-point numbers"),
        (lambda rows: rows[:3], "a name for each row"),
    ],
)
def test_a_file_that_cannot_be_is_refused_and_nothing_of_it_is_taken(catalogue, tutorial, monkeypatch, spoil, why):
    path = tutorial(spoil)
    lose_descriptors()
    monkeypatch.setattr(flat, "PIECE", 1)
    with pytest.raises(FeaturesRefused, match=why):
        exchange.take_in(path)
    assert not Descriptor.objects.exists()


def test_what_is_no_such_file_is_refused(catalogue, exported, tmp_path):
    exported.write_bytes(exported.read_bytes()[:5000])
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["features"] = np.ones((3, 4))
    for name, why in (("out", "cannot be read as HDF5"), ("text", "cannot be read as HDF5"), ("other", "dataset_1")):
        with pytest.raises(FeaturesRefused, match=why):
            exchange.take_in(tmp_path / f"{name}.h5")
    with pytest.raises(FileNotFoundError):
        exchange.take_in(tmp_path / "nowhere.h5")


def test_descriptors_of_another_space_are_refused(catalogue, exported):
    with h5py.File(exported, "r+") as file:
        file.attrs["space"] = file.attrs["space"].replace("rmac", "gem")
    lose_descriptors()
    with pytest.raises(FeaturesRefused, match="another feature space"):
        exchange.take_in(exported)


def test_a_catalogue_without_descriptors_has_none_to_export(db, tmp_path):
    with pytest.raises(NothingIndexed):
        exchange.export(tmp_path / "out.h5")
    assert not list(tmp_path.glob("*.h5"))
