"""Feature files come from anywhere: what they name outside themselves is not followed, and no size is believed."""

from collections.abc import Callable

import h5py
import numpy as np
import pytest

from catalog.exceptions import FeatureFileRejected
from catalog.vectors.exchange.feature_file import open_feature_file

ROWS, DIMENSIONS = 40, 8
VECTORS = np.random.default_rng(0).normal(size=(ROWS, DIMENSIONS)).astype(np.float32)
NAMES = np.array([f"picture-{number}.jpg".encode() for number in range(ROWS)])


@pytest.fixture
def write_file(tmp_path):
    """A function that writes a file with names and what `add` adds to it."""

    def write(add: Callable[[h5py.File], object]):
        with h5py.File(tmp_path / "features.h5", "w") as file:
            file["dataset_2"] = NAMES
            add(file)
        return tmp_path / "features.h5"

    return write


@pytest.fixture
def other_file(tmp_path):
    """A file of this machine that an uploaded file may name."""
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["dataset_1"] = VECTORS
    VECTORS.tofile(tmp_path / "private.bin")
    return tmp_path / "private.h5"


@pytest.mark.parametrize("options", [{}, {"chunks": (7, 3), "compression": "gzip", "shuffle": True}, {"chunks": True}])
def test_files_are_read_as_h5py_writes_them(write_file, options):
    file = open_feature_file(write_file(lambda file: file.create_dataset("dataset_1", data=VECTORS, **options)))
    (chunk,) = file.chunks()
    assert (len(file), file.dimensions, file.space) == (ROWS, DIMENSIONS, None)
    assert chunk.names == [name.decode() for name in NAMES]
    assert np.allclose(chunk.vectors, VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True), atol=1e-6)


def test_links_to_other_files_are_refused(write_file, other_file):
    def add(file):
        file["dataset_1"] = h5py.ExternalLink(str(other_file), "dataset_1")

    with pytest.raises(FeatureFileRejected, match="dataset_1 is a link to another place"):
        open_feature_file(write_file(add))


def test_symbolic_links_are_refused(write_file):
    def add(file):
        file["elsewhere"] = VECTORS
        file["dataset_1"] = h5py.SoftLink("/elsewhere")

    with pytest.raises(FeatureFileRejected, match="dataset_1 is a link to another place"):
        open_feature_file(write_file(add))


def test_datasets_with_contents_in_other_files_are_refused(write_file, other_file):
    external = [(str(other_file.with_suffix(".bin")), 0, VECTORS.nbytes)]
    layout = h5py.VirtualLayout(VECTORS.shape, "f4")
    layout[:] = h5py.VirtualSource(str(other_file), "dataset_1", VECTORS.shape)
    for add in (
        lambda file: file.create_dataset("dataset_1", VECTORS.shape, "f4", external=external),
        lambda file: file.create_virtual_dataset("dataset_1", layout),
    ):
        with pytest.raises(FeatureFileRejected, match="dataset_1 is stored in other files"):
            open_feature_file(write_file(add))


def test_filters_of_plugins_are_refused(write_file):
    """libhdf5 would look for a library with this number."""

    def add(file):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((ROWS, DIMENSIONS))
        properties.set_filter(305, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(VECTORS.shape)
        h5py.h5d.create(file.id, b"dataset_1", h5py.h5t.IEEE_F32LE, space, properties)
        file["dataset_1"][...] = VECTORS

    with pytest.raises(FeatureFileRejected, match="filter that is not supported"):
        open_feature_file(write_file(add))


@pytest.mark.parametrize(
    ("shape", "chunks", "message"),
    [
        ((10**12, 8), (1024, 8), "larger than what the file contains"),
        ((ROWS, 10**9), (1, 10**6), "larger than what the file contains"),
        ((10**9, 10**9), (4096, 4096), "larger than what the file contains"),
        ((ROWS, 10**8), (40, 10**6), "chunks of its dataset_1 are too large"),
    ],
)
def test_absurd_shapes_are_refused(write_file, shape, chunks, message):
    """None of these files has more than a few kilobytes."""
    path = write_file(lambda file: file.create_dataset("dataset_1", shape, "f4", chunks=chunks, fillvalue=1))
    with pytest.raises(FeatureFileRejected, match=message):
        open_feature_file(path)


def test_a_compressed_dataset_that_grows_absurdly_is_refused(write_file):
    def add(file):
        file.create_dataset("dataset_1", data=np.ones((ROWS, 50_000), "f4"), chunks=(1, 50_000), compression="gzip")

    with pytest.raises(FeatureFileRejected, match="larger than what the file contains"):
        open_feature_file(write_file(add))


def test_a_feature_space_that_is_no_text_is_refused(write_file):
    def add(file):
        file["dataset_1"] = VECTORS
        file.attrs["space"] = np.zeros((3, 3))

    with pytest.raises(FeatureFileRejected, match="its feature space is not a text in JSON"):
        open_feature_file(write_file(add))


@pytest.mark.slow
def test_no_damage_ends_the_process_that_imports(write_file):
    """Each byte that libhdf5 may stumble over is changed, also those of names of variable length."""

    def add(file):
        file["dataset_1"] = VECTORS
        del file["dataset_2"]
        file.create_dataset("dataset_2", data=[name.decode() for name in NAMES], dtype=h5py.string_dtype())
        file.attrs["space"] = '{"extractor": "test"}'

    path = write_file(add)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for at in rng.integers(0, len(data), 20).tolist():
        path.write_bytes(data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :])
        try:
            assert sum(len(chunk.names) for chunk in open_feature_file(path).chunks()) <= ROWS
        except FeatureFileRejected as error:
            assert str(path) in str(error)


def test_a_reader_that_dies_means_a_rejected_file(write_file, monkeypatch):
    path = write_file(lambda file: file.create_dataset("dataset_1", data=VECTORS))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # Python ends at once
    with pytest.raises(FeatureFileRejected, match="cannot be read: it is damaged, or too large"):
        open_feature_file(path)
