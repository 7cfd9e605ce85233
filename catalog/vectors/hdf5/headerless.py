"""HDF5 files that earlier versions wrote, without our header.

They are read with pyfive, which is written in Python: unlike libhdf5, it cannot crash on a damaged file. Whenever such
a file is merged, or made again, it gets a header.
"""

from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple

SIGNATURE = b"\x89HDF\r\n\x1a\n"
CONTIGUOUS = 1  # layout class in https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html


class Layout(NamedTuple):
    """Where the contents of a file are.

    Attributes:
        datasets: `dtype`, `shape` and `offset` (bytes from the start of the file) of each dataset by name.
        attributes: the text attributes by name.
    """

    datasets: dict[str, dict[str, Any]]
    attributes: dict[str, str]


def is_headerless(opened: BinaryIO) -> bool:
    """Return whether an open file starts as HDF5 files without a user block do."""
    opened.seek(0)
    return opened.read(len(SIGNATURE)) == SIGNATURE


def read_layout(opened: BinaryIO, names: Iterable[str]) -> Layout:
    """Read where the datasets `names` of an open file are.

    Raises:
        ValueError: the file is damaged, or a dataset is missing or not contiguous.
    """
    import pyfive  # only for these files: it takes .2 s

    try:
        file = pyfive.File(opened)
        datasets = {name: _dataset(file[name]) for name in names}
        attributes = {name: _text(value) for name, value in file.attrs.items()}
    except Exception as error:  # pyfive raises all kinds for damaged files
        raise ValueError(str(error) or type(error).__name__) from error
    return Layout(datasets, attributes)


def _dataset(dataset: Any) -> dict[str, Any]:
    if dataset.id.layout_class != CONTIGUOUS:
        raise ValueError(f"{dataset.name} is not contiguous")
    return {"dtype": dataset.dtype.str, "shape": dataset.shape, "offset": dataset.id.data_offset}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
