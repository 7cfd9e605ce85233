"""Tests of the commands export_features and import_features."""

import h5py
import numpy as np

from tests import indexed_images


def test_exported_features_can_be_imported(manage, catalogue, tmp_path):
    path = tmp_path / "out.h5"
    assert manage("export_features", path, "--json").json["rows"] == 6
    assert "Exported 6 descriptors to" in manage("export_features", path).out
    result = manage("import_features", path, "--json")
    assert list(result.json) == ["rows", "matched", "imported", "already", "unmatched", "seconds"]
    assert (result.json["rows"], result.json["already"]) == (6, 6)
    assert "does not say which network" not in result.err
    assert "6 for images that already have a descriptor" in manage("import_features", path).out


def test_a_file_that_does_not_name_its_network_is_reported(manage, catalogue, tmp_path):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as file:
        file["dataset_1"] = np.ones((1, indexed_images.DIMENSIONS))
        file["dataset_2"] = np.array(["nowhere.jpg"], "S")
    result = manage("import_features", path, "--json")
    assert (result.status, result.json["unmatched"]) == (0, 1)
    assert "does not say which network" in result.err


def test_invalid_arguments_are_explained(manage, catalogue, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    for arguments, message in (
        (("import_features", tmp_path / "nowhere.h5"), "No such file"),
        (("import_features", tmp_path / "text.h5"), "cannot be read as HDF5"),
        (("import_features", tmp_path), "Is a directory"),
        (("export_features", tmp_path), "is a folder"),
        (("export_features", tmp_path / "none" / "out.h5"), "There is no folder"),
    ):
        result = manage(*arguments)
        assert result.status == 1
        assert message in result.err
