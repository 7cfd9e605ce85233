import numpy as np
import pytest

from catalog.exceptions import FolderRejected
from tests.tools.conftest import SHAPES, draw_shape
from tools.training.pictures import read_folder


@pytest.fixture
def folder(tmp_path):
    """Two classes with two pictures each."""
    for name in ("green square", "red disc"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for seed in range(2):
            draw_shape(name, seed).save(tmp_path / "few" / name / f"{seed}.png")
    return tmp_path / "few"


def test_each_folder_is_a_class_and_each_picture_a_square(shapes_folder):
    labelled = read_folder(shapes_folder, 24, threads=2)

    assert labelled.classes == tuple(SHAPES)
    assert labelled.pixels.shape == (96, 24, 24, 3)
    assert labelled.pixels.dtype == np.uint8
    assert labelled.labels.tolist() == [0] * 32 + [1] * 32 + [2] * 32


def test_a_picture_of_the_requested_size_keeps_its_pixels(folder):
    labelled = read_folder(folder, 40, threads=2)

    np.testing.assert_array_equal(labelled.pixels[2], np.asarray(draw_shape("red disc", 0)))


def test_pictures_in_subfolders_are_found_and_hidden_files_skipped(folder, capsys):
    (folder / "red disc" / "images").mkdir()
    draw_shape("red disc", 9).save(folder / "red disc" / "images" / "9.jpg")
    (folder / "red disc" / ".DS_Store").write_bytes(b"?")
    (folder / ".git").mkdir()

    labelled = read_folder(folder, 32, threads=2)

    assert labelled.labels.tolist() == [0, 0, 1, 1, 1]
    assert capsys.readouterr().err == ""


def test_an_invalid_picture_is_skipped_with_a_message(folder, capsys):
    broken = folder / "green square" / "0.png"
    broken.write_bytes(broken.read_bytes()[:200])

    labelled = read_folder(folder, 40, threads=2)

    assert labelled.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(labelled.pixels[0], np.asarray(draw_shape("green square", 1)))
    assert capsys.readouterr().err.startswith(f"{broken} is skipped. This PNG file is incomplete.")


def test_validation_pictures_have_the_labels_of_the_training_classes(folder):
    labelled = read_folder(folder, 32, threads=2, classes=tuple(SHAPES))

    assert labelled.labels.tolist() == [1, 1, 2, 2]
    assert labelled.classes == tuple(SHAPES)


def test_a_validation_class_that_was_not_trained_on_is_rejected(folder):
    with pytest.raises(FolderRejected, match="contains red disc, which is not a class of the training pictures"):
        read_folder(folder, 32, threads=2, classes=("blue ring", "green square"))


def test_a_validation_folder_without_folders_is_rejected(tmp_path):
    with pytest.raises(FolderRejected, match="contains no folders"):
        read_folder(tmp_path / "var", 32, threads=2, classes=tuple(SHAPES))


def test_a_single_class_is_rejected(tmp_path, folder):
    (folder / "red disc").rename(tmp_path / "elsewhere")

    with pytest.raises(FolderRejected, match=r"contains 1 folder\(s\)\. Training needs at least two classes"):
        read_folder(folder, 32, threads=2)


def test_a_class_without_a_picture_is_rejected(folder):
    (folder / "yellow cross").mkdir()
    (folder / "yellow cross" / "notes.txt").write_text("to be photographed")

    with pytest.raises(FolderRejected, match="yellow cross contains no valid picture"):
        read_folder(folder, 32, threads=2)


def test_a_missing_folder_is_rejected(tmp_path):
    with pytest.raises(FolderRejected, match="nowhere cannot be read: No such file or directory"):
        read_folder(tmp_path / "nowhere", 32, threads=2)


def test_a_file_instead_of_a_folder_is_rejected(folder):
    with pytest.raises(FolderRejected, match="cannot be read: Not a directory"):
        read_folder(folder / "red disc" / "0.png", 32, threads=2)
