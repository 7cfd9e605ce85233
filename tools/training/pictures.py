"""Labelled pictures: a folder that holds a folder of pictures for each class."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catalog.exceptions import FolderRefused, PictureRefused
from catalog.features.preprocessing import prepare
from catalog.imaging.decoding import decode
from catalog.imaging.limits import Limits


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures in memory.

    Attributes:
        pixels: uint8 (N, side, side, 3), RGB.
        labels: int64 (N,), places in `classes`.
        classes: names of the folders, in order.
    """

    pixels: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]


def read_folder(folder: Path, side: int, threads: int, classes: tuple[str, ...] | None = None) -> LabelledPictures:
    """The pictures below each folder of `folder`, squashed into squares of `side` pixels.

    What cannot be read as a picture is left out, with a sentence on standard error.

    Args:
        classes: those of the pictures trained on, where these are for validation.

    Raises:
        FolderRefused: it is no folder, cannot be read, has fewer than two classes, a class without a picture, or
            one that is not among `classes`.
    """
    try:
        found = _classes(folder)
        known = classes or found
        _check_classes(folder, found, known)
        files = [(path, known.index(name)) for name in found for path in _files(folder / name)]
    except OSError as fault:
        raise FolderRefused("{path} cannot be read: {fault}.", path=folder, fault=fault.strerror or fault) from fault
    labelled = _read(files, side, threads, known)
    for name in found:
        if known.index(name) not in labelled.labels:
            raise FolderRefused(
                "{path} holds no picture that can be read. Put some there, or remove it.", path=folder / name
            )
    return labelled


def _classes(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _check_classes(folder: Path, found: tuple[str, ...], known: tuple[str, ...]) -> None:
    if len(known) < 2:
        raise FolderRefused(
            "{path} holds {count} folder(s). Training needs two classes at least: a folder of pictures for each.",
            path=folder,
            count=len(known),
        )
    if not found:
        raise FolderRefused("{path} holds no folder. Put one of pictures there for each class.", path=folder)
    if strange := sorted(set(found) - set(known)):
        raise FolderRefused(
            "{path} holds {name}, which is no class that was trained on. Rename or remove that folder.",
            path=folder,
            name=strange[0],
        )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))


def _read(files: list[tuple[Path, int]], side: int, threads: int, classes: tuple[str, ...]) -> LabelledPictures:
    # Filled in place: a list of 100,000 pictures and then an array of them would need the memory twice.
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    labels = np.empty(len(files), np.int64)
    count = 0
    with ThreadPoolExecutor(threads) as pool:
        read = pool.map(lambda file: _square(file[0], side), files)
        shown = tqdm(read, "reading", len(files), disable=not sys.stderr.isatty())
        for square, (path, label) in zip(shown, files, strict=True):
            if isinstance(square, str):
                print(f"{path} is left out. {square}", file=sys.stderr)
                continue
            pixels[count], labels[count] = square, label
            count += 1
    return LabelledPictures(pixels[:count], labels[:count], classes)


def _square(path: Path, side: int) -> np.ndarray | str:
    """The picture as uint8 (side, side, 3), or why there is none."""
    try:
        return prepare(decode(path.read_bytes(), Limits(), at_least=side).rgb, side)
    except PictureRefused as fault:
        return str(fault)
    except OSError as fault:
        return f"It cannot be read: {fault.strerror or fault}."
