"""Windows: rectangles of feature maps, which are pooled into descriptors of the parts of a picture that they cover.

The network runs once, over a larger input, whatever the number of windows: Tolias, Sicre and Jégou, "Particular Object
Retrieval with Integral Max-Pooling of CNN Activations", ICLR 2016, section 4.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.features.extractors import Extractor
from catalog.features.feature_space import Space
from catalog.features.recipes import EXTRACTOR_CONFIGS

# The input is larger than the network's own by this factor, so that a window covers more cells of the maps.
INPUT_SCALE = 1.6
# The sides of a window of the aspect 1, as a share of the geometric mean of the sides of the maps; width : height of
# the windows; the distance of two windows, as a share of their side. Measured with `benchmarks.regions`.
SHARES = (0.4, 0.6)
ASPECT_RATIOS = (1 / 2, 1.0, 2.0)
STEP = 0.34


@dataclass(frozen=True)
class Windows:
    """The windows of feature maps; the first is the whole picture.

    Attributes:
        cells: top, left, height and width in cells of the maps, int64 (n, 4).
        boxes: left, top, width and height as fractions of the picture, float64 (n, 4).
        is_coarse: the whole picture and the squares: few windows that cover the picture at each size, bool (n,).
    """

    cells: NDArray[np.int64]
    boxes: NDArray[np.float64]
    is_coarse: NDArray[np.bool_]

    @property
    def areas(self) -> NDArray[np.float64]:
        """The share of the picture that each window covers, float64 (n,)."""
        return self.boxes[:, 2] * self.boxes[:, 3]


def has_windows(space: Space) -> bool:
    """Return whether windows of pictures can be described in a feature space: its network gives maps at any size."""
    return space.extractor in EXTRACTOR_CONFIGS and space.pooling != "none"


def input_side(space: Space) -> int:
    """Return the side of the input for windows: see `preprocessing.input_shape`."""
    return round(max(space.input_sizes) * INPUT_SCALE)


def place_windows(rows: int, columns: int) -> Windows:
    """Return the windows of feature maps of `rows` × `columns` cells: about 130 of 13 × 13."""
    cells = [(0, 0, rows, columns)]
    for share in SHARES:
        for ratio in ASPECT_RATIOS:
            side = share * math.sqrt(rows * columns)
            height = min(rows, max(1, round(side / math.sqrt(ratio))))
            width = min(columns, max(1, round(side * math.sqrt(ratio))))
            cells += [(top, left, height, width) for top in _starts(rows, height) for left in _starts(columns, width)]
    windows = np.array(list(dict.fromkeys(cells)), np.int64)
    top, left, height, width = windows.T
    boxes = np.stack([left / columns, top / rows, width / columns, height / rows], axis=1)
    is_coarse = height == width
    is_coarse[0] = True
    return Windows(windows, boxes, is_coarse)


def _starts(length: int, side: int) -> list[int]:
    """Return the evenly spaced starts of spans of `side` cells, from the first cell of `length` to the last."""
    count = math.ceil((length - side) / (side * STEP)) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def describe_windows(extractor: Extractor, picture: NDArray[np.uint8]) -> tuple[Windows, NDArray[np.float32]]:
    """Run the network once and return the windows and their descriptors: float32 (n, dimensions), L2-normalised.

    They are pooled, normalised and projected on the basis as the recipe says, and can be compared with descriptors of
    whole pictures.

    Args:
        picture: RGB, uint8 (height, width, 3), resized to `input_side`.
    """
    [[maps]] = extractor.feature_maps([(picture,)])
    windows = place_windows(*maps.shape[:2])
    parts = [maps[top : top + height, left : left + width] for top, left, height, width in windows.cells.tolist()]
    return windows, extractor.describe([parts])
