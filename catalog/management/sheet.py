"""A contact sheet: the query photo and its hits side by side."""

from collections.abc import Sequence

from django.core.files.storage import default_storage
from PIL import Image as Pixels
from PIL import ImageDraw, ImageOps

from catalog.services.searching import Hit

CELL, CAPTION, COLUMNS = 200, 34, 5


def draw(query: Pixels.Image, hits: Sequence[Hit]) -> Pixels.Image:
    """The query first, then the hits in their order, each with its score: an RGB picture."""
    cells = [(query, "query")] + [
        (_thumbnail(hit), f"{hit.rank}.  {hit.score:.3f}\n{hit.image.label[:28]}") for hit in hits
    ]
    rows = -(-len(cells) // COLUMNS)
    sheet = Pixels.new("RGB", (min(len(cells), COLUMNS) * CELL, rows * (CELL + CAPTION)), "white")
    pen = ImageDraw.Draw(sheet)
    for position, (picture, caption) in enumerate(cells):
        left, top = position % COLUMNS * CELL, position // COLUMNS * (CELL + CAPTION)
        small = ImageOps.contain(picture, (CELL - 12, CELL - 12))
        sheet.paste(small, (left + (CELL - small.width) // 2, top + (CELL - small.height) // 2))
        pen.multiline_text((left + 6, top + CELL), caption.encode("ascii", "replace").decode(), fill="black", spacing=2)
    return sheet


def _thumbnail(hit: Hit) -> Pixels.Image:
    try:
        with default_storage.open(str(hit.image.thumbnail)) as file:
            return Pixels.open(file).convert("RGB")
    except OSError:  # missing or damaged: the hit keeps its place
        return Pixels.new("RGB", (CELL, CELL), "lightgrey")
