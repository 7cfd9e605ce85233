"""A catalogue of drawn things, and cluttered photos of them."""

import io

import numpy as np
from PIL import Image as Pixels

from catalog.demo.drawing import KINDS, draw_picture
from catalog.models import Image
from catalog.services.index import extraction
from catalog.services.ingest import uploads

PHOTO_SIZE = (960, 720)
# Where the thing is, in pixels.
THING = (500, 330, 400, 300)


def to_jpeg(picture: Pixels.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def add_things() -> list[Image]:
    """Add three pictures of each of four kinds to the catalogue."""
    for kind in KINDS[:4]:
        for number in range(3):
            uploads.add_picture(to_jpeg(draw_picture(kind, number).resize((320, 240))), f"{kind}-{number}.jpg")
    extraction.index_pending()
    return list(Image.objects.order_by("pk"))


def cluttered_photo(kind: str, number: int = 0) -> bytes:
    """A thing at THING on a background that the catalogue does not know."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 200, (9, 12, 3), dtype=np.uint8)
    photo = Pixels.fromarray(coarse).resize(PHOTO_SIZE, Pixels.Resampling.BICUBIC)
    left, top, width, height = THING
    photo.paste(draw_picture(kind, number).resize((width, height)), (left, top))
    return to_jpeg(photo)
