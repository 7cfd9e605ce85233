"""Export of descriptors to a file, and import from files."""

import h5py
import numpy as np
import pytest

from catalog.exceptions import FeatureFileRejected, NoIndexedImages
from catalog.models import Descriptor, Image, Segment
from catalog.services.index import extraction, spaces, store
from catalog.services.index.live_index import INDEX
from catalog.services.ingest import uploads
from catalog.services.maintenance import feature_exchange, integrity
from catalog.services.media import deletion
from catalog.services.search import queries, ranking
from catalog.vectors.exchange import feature_file


def ranked_ids(image: Image) -> list[tuple[int, float]]:
    INDEX.close()
    return [(hit.image.pk, round(hit.score, 4)) for hit in ranking.search_similar(image).hits]


def delete_descriptors() -> None:
    Segment.objects.all().delete()
    for path in store.stored_paths():
        path.unlink()
    Image.objects.update(status=Image.Status.PENDING)


@pytest.fixture
def exported_file(catalogue, tmp_path):
    feature_exchange.export(tmp_path / "out.h5")
    return tmp_path / "out.h5"


@pytest.fixture
def write_tutorial_file(exported_file, tmp_path):
    """Write the descriptors as popular tutorials do: not normalised, and without digests."""

    def write(vectors=lambda vectors: vectors * 3, names=lambda names: names):
        with h5py.File(exported_file) as exported, h5py.File(tmp_path / "tutorial.h5", "w") as tutorial:
            tutorial["dataset_1"] = vectors(exported["dataset_1"][:])
            tutorial["dataset_2"] = np.array(names([name.decode() for name in exported["dataset_2"]]), "S")
        return tmp_path / "tutorial.h5"

    return write


def test_export_matches_tutorial_format(catalogue, exported_file):
    with h5py.File(exported_file) as file:
        vectors, names = file["dataset_1"][:], [name.decode() for name in file["dataset_2"][:]]
        assert [bytes(digest).hex() for digest in file["digests"][:]] == [image.sha256 for image in catalogue]
    assert names == [image.source for image in catalogue]
    for image, vector in zip(catalogue, vectors, strict=True):
        assert np.array_equal(vector, queries.image_query(image).vector)


def test_exported_features_can_be_imported_again(catalogue, exported_file):
    before = {image.pk: ranked_ids(image) for image in catalogue}
    delete_descriptors()
    import_result = feature_exchange.import_features(exported_file)
    assert (
        import_result.rows,
        import_result.matched,
        import_result.imported,
        import_result.already,
        import_result.unmatched,
    ) == (6, 6, 6, 0, 0)
    assert {image.pk: ranked_ids(image) for image in catalogue} == before
    assert integrity.check().ok


def test_images_with_a_descriptor_are_skipped(catalogue, exported_file):
    segments = list(Segment.objects.values_list("name", flat=True))
    import_result = feature_exchange.import_features(exported_file)
    assert (import_result.matched, import_result.imported, import_result.already) == (6, 0, 6)
    assert list(Segment.objects.values_list("name", flat=True)) == segments


def test_deleted_images_are_neither_exported_nor_imported(catalogue, exported_file, tmp_path):
    deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    assert feature_exchange.export(tmp_path / "five.h5") == 5
    assert feature_exchange.import_features(exported_file).unmatched == 1


def test_images_are_matched_by_digest_after_they_were_renamed(catalogue, exported_file):
    before = ranked_ids(catalogue[0])
    Image.objects.update(source="renamed.jpg")
    delete_descriptors()
    assert feature_exchange.import_features(exported_file).imported == 6
    assert ranked_ids(catalogue[0]) == before


def test_tutorial_file_is_matched_by_name_and_normalised(catalogue, write_tutorial_file):
    before = {image.pk: ranked_ids(image) for image in catalogue}
    delete_descriptors()
    import_result = feature_exchange.import_features(write_tutorial_file())
    assert (import_result.imported, import_result.has_space) == (6, False)
    assert {image.pk: ranked_ids(image) for image in catalogue} == before


def test_name_matches_by_basename_unless_ambiguous(catalogue, write_tutorial_file):
    delete_descriptors()
    Image.objects.filter(pk=catalogue[0].pk).update(source="bags/a.jpg")
    Image.objects.filter(pk=catalogue[1].pk).update(source="cups/a.jpg")
    names = ["a.jpg", "cups/a.jpg", *[f"database/{image.source}" for image in catalogue[2:5]], "nowhere.jpg"]
    import_result = feature_exchange.import_features(write_tutorial_file(names=lambda _: names))
    assert (import_result.matched, import_result.unmatched) == (4, 2)
    imported = Image.objects.filter(spaces.has_descriptor_in(spaces.active_space()))
    assert set(imported.values_list("pk", flat=True)) == {image.pk for image in catalogue[1:5]}


def test_rows_of_one_image_count_once(catalogue, write_tutorial_file):
    delete_descriptors()
    import_result = feature_exchange.import_features(write_tutorial_file(names=lambda names: [names[0]] * 6))
    assert (import_result.matched, import_result.imported, import_result.already) == (6, 1, 5)
    assert Descriptor.objects.count() == 1


def test_large_files_are_imported_in_batches(catalogue, exported_file, monkeypatch):
    delete_descriptors()
    monkeypatch.setattr(feature_file, "CHUNK_ROWS", 4)
    assert feature_exchange.import_features(exported_file).imported == 6
    assert sorted(Segment.objects.values_list("rows", flat=True)) == [2, 4]


def test_failed_and_pending_images_become_searchable(catalogue, exported_file, picture):
    delete_descriptors()
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.FAILED, failure_reason="Damaged.")
    feature_exchange.import_features(exported_file)
    assert Image.objects.indexed().count() == 6
    uploads.add_picture(picture(9), "new.jpg")
    assert extraction.index_pending().indexed == 1


@pytest.mark.parametrize(
    ("change_vectors", "message"),
    [
        (lambda rows: rows[:, :64], "have 64 dimensions"),
        (lambda rows: np.where(np.arange(len(rows)) == 2, np.nan, rows.T).T, "Row 2 of .* not finite"),
        (lambda rows: np.where(np.arange(len(rows)) == 5, 0, rows.T).T, "Row 5 of .* only zeros"),
        (lambda rows: rows.astype(int), "not a matrix of floating-point numbers"),
        (lambda rows: rows[0], "not a matrix of floating-point numbers"),
        (lambda rows: rows[:3], "one name for each row"),
    ],
)
def test_invalid_file_is_rejected_and_nothing_imported(
    catalogue, write_tutorial_file, monkeypatch, change_vectors, message
):
    path = write_tutorial_file(change_vectors)
    delete_descriptors()
    monkeypatch.setattr(feature_file, "CHUNK_ROWS", 1)
    with pytest.raises(FeatureFileRejected, match=message):
        feature_exchange.import_features(path)
    assert not Descriptor.objects.exists()


def test_a_file_that_is_not_a_feature_file_is_rejected(catalogue, exported_file, tmp_path):
    exported_file.write_bytes(exported_file.read_bytes()[:5000])
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["features"] = np.ones((3, 4))
    for name, message in (
        ("out", "cannot be read as HDF5"),
        ("text", "cannot be read as HDF5"),
        ("other", "dataset_1"),
    ):
        with pytest.raises(FeatureFileRejected, match=message):
            feature_exchange.import_features(tmp_path / f"{name}.h5")
    with pytest.raises(FileNotFoundError):
        feature_exchange.import_features(tmp_path / "nowhere.h5")


def test_descriptors_of_another_space_are_rejected(catalogue, exported_file):
    with h5py.File(exported_file, "r+") as file:
        file.attrs["space"] = file.attrs["space"].replace("rmac", "gem")
    delete_descriptors()
    with pytest.raises(FeatureFileRejected, match="another feature space"):
        feature_exchange.import_features(exported_file)


def test_a_catalogue_without_descriptors_has_none_to_export(db, tmp_path):
    with pytest.raises(NoIndexedImages):
        feature_exchange.export(tmp_path / "out.h5")
    assert not list(tmp_path.glob("*.h5"))
