import numpy as np
import pytest

from catalog.exceptions import FolderRefused
from tests.tools.conftest import SHAPES, shape
from tools.training.pictures import read_folder


@pytest.fixture
def folder(tmp_path):
    """Two pictures of each of two classes."""
    for name in ("green square", "red disc"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for seed in range(2):
            shape(name, seed).save(tmp_path / "few" / name / f"{seed}.png")
    return tmp_path / "few"


def test_each_folder_is_a_class_and_each_picture_a_square_of_the_size_asked_for(shapes):
    labelled = read_folder(shapes, 24, threads=2)

    assert labelled.classes == tuple(SHAPES)
    assert labelled.pixels.shape == (96, 24, 24, 3)
    assert labelled.pixels.dtype == np.uint8
    assert labelled.labels.tolist() == [0] * 32 + [1] * 32 + [2] * 32


def test_a_picture_keeps_its_pixels_where_it_has_the_size_already(folder):
    labelled = read_folder(folder, 40, threads=2)

    np.testing.assert_array_equal(labelled.pixels[2], np.asarray(shape("red disc", 0)))


def test_pictures_deeper_in_a_class_are_found_and_hidden_files_passed_over(folder, capsys):
    (folder / "red disc" / "images").mkdir()
    shape("red disc", 9).save(folder / "red disc" / "images" / "9.jpg")
    (folder / "red disc" / ".DS_Store").write_bytes(b"?")
    (folder / ".git").mkdir()

    labelled = read_folder(folder, 32, threads=2)

    assert labelled.labels.tolist() == [0, 0, 1, 1, 1]
    assert capsys.readouterr().err == ""


def test_an_unreadable_picture_is_left_out_with_a_sentence_and_the_others_keep_their_classes(folder, capsys):
    broken = folder / "green square" / "0.png"
    broken.write_bytes(broken.read_bytes()[:200])

    labelled = read_folder(folder, 40, threads=2)

    assert labelled.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(labelled.pixels[0], np.asarray(shape("green square", 1)))
    assert capsys.readouterr().err.startswith(f"{broken} is left out. The PNG file ends in the middle.")


def test_validation_pictures_are_labelled_by_the_classes_trained_on(folder):
    labelled = read_folder(folder, 32, threads=2, classes=tuple(SHAPES))

    assert labelled.labels.tolist() == [1, 1, 2, 2]
    assert labelled.classes == tuple(SHAPES)


def test_a_validation_class_that_was_not_trained_on_is_refused(folder):
    with pytest.raises(FolderRefused, match="holds red disc, which is no class that was trained on"):
        read_folder(folder, 32, threads=2, classes=("blue ring", "green square"))


def test_a_validation_folder_without_folders_is_refused(tmp_path):
    with pytest.raises(FolderRefused, match="holds no folder"):
        read_folder(tmp_path / "var", 32, threads=2, classes=tuple(SHAPES))


def test_one_class_is_too_few(tmp_path, folder):
    (folder / "red disc").rename(tmp_path / "elsewhere")

    with pytest.raises(FolderRefused, match=r"holds 1 folder\(s\)\. Training needs two classes at least"):
        read_folder(folder, 32, threads=2)


def test_a_class_without_a_picture_is_refused(folder):
    (folder / "yellow cross").mkdir()
    (folder / "yellow cross" / "notes.txt").write_text("to be photographed")

    with pytest.raises(FolderRefused, match="yellow cross holds no picture that can be read"):
        read_folder(folder, 32, threads=2)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FolderRefused, match="nowhere cannot be read: No such file or directory"):
        read_folder(tmp_path / "nowhere", 32, threads=2)


def test_a_file_is_no_folder(folder):
    with pytest.raises(FolderRefused, match="cannot be read: Not a directory"):
        read_folder(folder / "red disc" / "0.png", 32, threads=2)
