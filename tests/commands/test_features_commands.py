"""export_features and import_features."""

import h5py
import numpy as np


def test_features_go_out_and_come_back(manage, catalogue, tmp_path):
    path = tmp_path / "out.h5"
    assert manage("export_features", path, "--json").answer["rows"] == 6
    assert "6 descriptors are in" in manage("export_features", path).out
    told = manage("import_features", path, "--json")
    assert list(told.answer) == ["rows", "matched", "imported", "already", "unmatched", "seconds"]
    assert (told.answer["rows"], told.answer["already"]) == (6, 6)
    assert "on trust" not in told.err
    assert "6 of images that have a descriptor already" in manage("import_features", path).out


def test_a_file_that_does_not_say_its_network_is_told_to_be_taken_on_trust(manage, catalogue, tmp_path):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as file:
        file["dataset_1"] = np.ones((1, 128))
        file["dataset_2"] = np.array(["nowhere.jpg"], "S")
    told = manage("import_features", path, "--json")
    assert (told.status, told.answer["unmatched"]) == (0, 1)
    assert "taken on trust" in told.err


def test_what_cannot_be_is_told(manage, catalogue, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    for words, why in (
        (("import_features", tmp_path / "nowhere.h5"), "No such file"),
        (("import_features", tmp_path / "text.h5"), "cannot be read as HDF5"),
        (("import_features", tmp_path), "Is a directory"),
        (("export_features", tmp_path), "is a folder"),
        (("export_features", tmp_path / "none" / "out.h5"), "There is no folder"),
    ):
        told = manage(*words)
        assert told.status == 1
        assert why in told.err
