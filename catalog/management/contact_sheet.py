"""Contact sheets: the query photo with its hits, and the areas of both that matched."""

from collections.abc import Sequence

from django.core.files.storage import default_storage
from PIL import Image as PILImage
from PIL import ImageDraw, ImageOps

from catalog.services.search.explanations import OVERLAY_SIDE, Explanation
from catalog.services.search.ranking import Hit

CELL_SIDE, CAPTION_HEIGHT, MARGIN = 200, 34, 12  # pixels
COLUMNS = 5

CaptionedPicture = tuple[PILImage.Image, str]


def draw_contact_sheet(query: PILImage.Image, hits: Sequence[Hit]) -> PILImage.Image:
    """Draw the query and then the hits with their scores: an RGB picture."""
    return _draw_grid([(query, "query")] + [(_load_thumbnail(hit), _caption(hit)) for hit in hits], COLUMNS, CELL_SIDE)


def draw_explanations(explanations: Sequence[tuple[Hit, Explanation]]) -> PILImage.Image:
    """Draw a row for each hit: query and hit, with the areas that matched highlighted. An RGB picture."""
    cells: list[CaptionedPicture] = []
    for hit, explanation in explanations:
        cells += [(explanation.photo.overlay, "query"), (explanation.image.overlay, _caption(hit))]
    return _draw_grid(cells, 2, OVERLAY_SIDE + MARGIN)


def _draw_grid(cells: Sequence[CaptionedPicture], columns: int, side: int) -> PILImage.Image:
    rows = -(-len(cells) // columns)
    canvas = PILImage.new("RGB", (min(len(cells), columns) * side, rows * (side + CAPTION_HEIGHT)), "white")
    drawing = ImageDraw.Draw(canvas)
    for position, (picture, caption) in enumerate(cells):
        left, top = position % columns * side, position // columns * (side + CAPTION_HEIGHT)
        thumbnail = ImageOps.contain(picture, (side - MARGIN, side - MARGIN))
        canvas.paste(thumbnail, (left + (side - thumbnail.width) // 2, top + (side - thumbnail.height) // 2))
        drawing.multiline_text(
            (left + 6, top + side), caption.encode("ascii", "replace").decode(), fill="black", spacing=2
        )
    return canvas


def _caption(hit: Hit) -> str:
    return f"{hit.rank}.  {hit.score:.3f}\n{hit.image.label[:28]}"


def _load_thumbnail(hit: Hit) -> PILImage.Image:
    try:
        with default_storage.open(str(hit.image.thumbnail)) as file:
            return PILImage.open(file).convert("RGB")
    except OSError:  # missing or damaged: draw an empty cell
        return PILImage.new("RGB", (CELL_SIDE, CELL_SIDE), "lightgrey")
