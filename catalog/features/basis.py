"""Bundled bases: a mean and the principal directions of the pooled vectors of a network.

They are made once from photographs and shipped with the network. Jégou and Chum, "Negative Evidences and Co-occurrences
in Image Retrieval: The Benefit of PCA and Whitening", ECCV 2012; here without whitening.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.pooling import l2_normalise

FOLDER = Path(__file__).parent / "bases"
DIGEST_LENGTH = 12  # hex digits


@dataclass(frozen=True)
class Basis:
    """An affine map of unit vectors: v → basis · (v − mean), divided by its norm.

    Attributes:
        digest: the first `DIGEST_LENGTH` hex digits of the SHA-256 of the file.
        mean: float32 (C,).
        directions: float32 (dimensions, C).
    """

    digest: str
    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (n, dimensions), L2-normalised, from unit vectors float32 (n, C)."""
        return l2_normalise(np.asarray((vectors - self.mean) @ self.directions.T, np.float32))


def basis_path(network_name: str) -> Path:
    """Return the path of the basis that belongs to a network. The file may not exist."""
    return FOLDER / f"{network_name}.h5"


def bundled_basis(network_name: str) -> Basis | None:
    """Return the basis that belongs to a network; None if there is none. Raises WeightsDamaged."""
    path = basis_path(network_name)
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


def basis_of_space(network_name: str, digest: str) -> Basis | None:
    """Return the basis of a feature space; None if it has none (`digest` is "").

    Raises:
        WeightsUnavailable: it is not the bundled basis of the network.
    """
    if not digest:
        return None
    basis = bundled_basis(network_name)
    if basis is None or basis.digest != digest:
        raise WeightsUnavailable(
            "The catalogue was indexed with a basis of {name} that this version of the program does not contain. "
            "Run: python manage.py rebuild_index --reextract",
            name=network_name,
        )
    return basis


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int) -> Basis:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LENGTH]
        with h5py.File(path, "r") as file:
            mean, directions = file["mean"][()].astype(np.float32), file["basis"][()].astype(np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if directions.ndim != 2 or mean.shape != directions.shape[1:]:
        raise _damaged(path, f"the shapes {mean.shape} and {directions.shape} do not match")
    return Basis(digest, mean, directions)


def _damaged(path: Path, reason: str) -> WeightsDamaged:
    return WeightsDamaged("{path} cannot be read: {error}. Reinstall the program.", path=path, error=reason)


def write_basis(path: Path, mean: NDArray[np.float32], directions: NDArray[np.float32]) -> None:
    """Write a basis: mean float32 (C,), and the directions (dimensions, C), which are stored as float16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["mean"] = mean.astype(np.float32)
        file["basis"] = directions.astype(np.float16)
