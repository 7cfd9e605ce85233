"""Sheets: the query photo beside its hits, and the parts of both that made the scores."""

from collections.abc import Sequence

from django.core.files.storage import default_storage
from PIL import Image as Pixels
from PIL import ImageDraw, ImageOps

from catalog.services.explaining import OVERLAY_SIDE, Explanation
from catalog.services.searching import Hit

CELL, CAPTION, COLUMNS, MARGIN = 200, 34, 5, 12

Cell = tuple[Pixels.Image, str]


def draw(query: Pixels.Image, hits: Sequence[Hit]) -> Pixels.Image:
    """The query first, then the hits in their order, each with its score: an RGB picture."""
    return _grid([(query, "query")] + [(_thumbnail(hit), _caption(hit)) for hit in hits], COLUMNS, CELL)


def draw_explained(explained: Sequence[tuple[Hit, Explanation]]) -> Pixels.Image:
    """A row for each hit: the query and the hit, in each the parts lit that made the score. An RGB picture."""
    cells: list[Cell] = []
    for hit, why in explained:
        cells += [(why.photo.overlay, "query"), (why.image.overlay, _caption(hit))]
    return _grid(cells, 2, OVERLAY_SIDE + MARGIN)


def _grid(cells: Sequence[Cell], columns: int, side: int) -> Pixels.Image:
    rows = -(-len(cells) // columns)
    sheet = Pixels.new("RGB", (min(len(cells), columns) * side, rows * (side + CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for position, (picture, caption) in enumerate(cells):
        left, top = position % columns * side, position // columns * (side + CAPTION)
        small = ImageOps.contain(picture, (side - MARGIN, side - MARGIN))
        sheet.paste(small, (left + (side - small.width) // 2, top + (side - small.height) // 2))
        pen.multiline_text((left + 6, top + side), caption.encode("ascii", "replace").decode(), fill="black", spacing=2)
    return sheet


def _caption(hit: Hit) -> str:
    return f"{hit.rank}.  {hit.score:.3f}\n{hit.image.label[:28]}"


def _thumbnail(hit: Hit) -> Pixels.Image:
    try:
        with default_storage.open(str(hit.image.thumbnail)) as file:
            return Pixels.open(file).convert("RGB")
    except OSError:  # missing or damaged: the hit keeps its place
        return Pixels.new("RGB", (CELL, CELL), "lightgrey")
