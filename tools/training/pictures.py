"""Labelled pictures, from a folder that contains a folder of pictures for each class."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catalog.exceptions import FolderRejected, PictureRejected
from catalog.features.preprocessing import resize_to_square
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures in memory.

    Attributes:
        pixels: uint8 (N, side, side, 3), RGB.
        labels: int64 (N,), indices into `classes`.
        classes: names of the folders, sorted.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]


def read_folder(folder: Path, side: int, threads: int, classes: tuple[str, ...] | None = None) -> LabelledPictures:
    """Read the pictures in each subfolder of `folder`, resized to squares of `side` pixels.

    Files that are not valid pictures are skipped, with a message on standard error.

    Args:
        classes: the classes of the training pictures, for reading validation pictures.

    Raises:
        FolderRejected: the folder cannot be read, has fewer than two classes, a class without pictures, or a class
            that is not in `classes`.
    """
    try:
        classes_found = _classes(folder)
        known = classes or classes_found
        _check_classes(folder, classes_found, known)
        files = [(path, known.index(name)) for name in classes_found for path in _files(folder / name)]
    except OSError as error:
        raise FolderRejected("{path} cannot be read: {error}.", path=folder, error=error.strerror or error) from error
    labelled = _read(files, side, threads, known)
    for name in classes_found:
        if known.index(name) not in labelled.labels:
            raise FolderRejected(
                "{path} contains no valid picture. Add pictures, or delete the folder.", path=folder / name
            )
    return labelled


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _check_classes(folder: Path, found: tuple[str, ...], known: tuple[str, ...]) -> None:
    if len(known) < 2:
        raise FolderRejected(
            "{path} contains {count} folder(s). Training needs at least two classes, each in a folder of its own.",
            path=folder,
            count=len(known),
        )
    if not found:
        raise FolderRejected("{path} contains no folders. Add a folder of pictures for each class.", path=folder)
    if unknown_classes := sorted(set(found) - set(known)):
        raise FolderRejected(
            "{path} contains {name}, which is not a class of the training pictures. Rename or delete that folder.",
            path=folder,
            name=unknown_classes[0],
        )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))


def _read(files: list[tuple[Path, int]], side: int, threads: int, classes: tuple[str, ...]) -> LabelledPictures:
    # The array is filled in place. A list of all pictures would need twice the memory.
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    labels = np.empty(len(files), np.int64)
    count = 0
    with ThreadPoolExecutor(threads) as pool:
        squares = pool.map(lambda file: _read_square(file[0], side), files)
        progress = tqdm(squares, "reading", len(files), disable=not sys.stderr.isatty())
        for square, (path, label) in zip(progress, files, strict=True):
            if isinstance(square, str):
                print(f"{path} is skipped. {square}", file=sys.stderr)
                continue
            pixels[count], labels[count] = square, label
            count += 1
    return LabelledPictures(pixels[:count], labels[:count], classes)


def _read_square(path: Path, side: int) -> np.ndarray | str:
    """Return the picture as uint8 (side, side, 3), or the reason why it is skipped."""
    try:
        return resize_to_square(decode(path.read_bytes(), PictureLimits(), min_decoded_side=side).rgb, side)
    except PictureRejected as error:
        return str(error)
    except OSError as error:
        return f"The file cannot be read: {error.strerror or error}."
