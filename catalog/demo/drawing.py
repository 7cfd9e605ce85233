"""Pictures of the demo catalogue, drawn by the program, so that a new site has something to search.

Drawing is deterministic: the same kind and number give the same picture.
"""

from collections.abc import Iterator
from random import Random

from PIL import Image

from catalog.demo.backgrounds import LYING_BACKGROUNDS, STANDING_BACKGROUNDS
from catalog.demo.canvas import PIXELS_PER_UNIT, Canvas
from catalog.demo.kinds import COLLECTIONS
from catalog.demo.palette import SCHEMES, blend
from catalog.demo.patterns import PATTERNS
from catalog.demo.photograph import simulate_photo
from catalog.demo.scene import paste_with_shadow, pose
from catalog.demo.style import Style

KINDS: tuple[str, ...] = tuple(COLLECTIONS)
QUERY_KINDS = ("Bags", "Bicycles", "Chairs", "Cups", "Fish", "Umbrellas")

PICTURES_PER_KIND = 8
PICTURE_SIZES = ((640, 480), (600, 520))  # width and height for wide objects; swapped for tall objects


def draw_picture(kind: str, number: int) -> Image.Image:
    """Draw picture `number` of a kind: RGB, 480 to 640 pixels per side. Any number is valid.

    Colours, pattern, background and size alternate with different periods, so that pictures of the same kind have
    little else in common; everything else is random.

    Raises:
        KeyError: `kind` is not one of `KINDS`.
    """
    spec, kind_index = COLLECTIONS[kind], KINDS.index(kind)
    rng = Random(f"{kind} {number}")  # noqa: S311, not used for security
    scheme = SCHEMES[(number + 4 * kind_index) % len(SCHEMES)]
    long_side, short_side = PICTURE_SIZES[number // 2 % len(PICTURE_SIZES)]
    size = (long_side, short_side) if spec.wide else (short_side, long_side)
    backgrounds = STANDING_BACKGROUNDS if spec.standing else LYING_BACKGROUNDS
    picture = backgrounds[(number + kind_index) % len(backgrounds)](size, rng.choice(scheme.walls), rng)

    # The two colours of a pattern are similar: a strong pattern would hide the shape of the object.
    pattern, tone = PATTERNS[(number + kind_index) % len(PATTERNS)], blend(scheme.main, scheme.second, 0.36)
    pattern_image = pattern(scheme.main, tone, rng.randint(8, 12) * PIXELS_PER_UNIT)
    canvas = Canvas()
    spec.draw(canvas, Style(pattern_image, scheme.main, scheme.second, scheme.trim), rng)
    mirrored, tilt, fill_fraction = number % 2 == 1, rng.uniform(-spec.max_tilt, spec.max_tilt), rng.uniform(0.74, 0.84)
    object_image = pose(canvas.image, mirrored, tilt, (size[0] * fill_fraction, size[1] * fill_fraction))
    centre = size[0] * rng.uniform(0.46, 0.54), size[1] * rng.uniform(0.49, 0.52)
    paste_with_shadow(object_image, picture, centre, spec.standing)
    return picture


def picture_name(kind: str, number: int) -> str:
    """The file name of a picture of the demo catalogue."""
    return f"{kind.lower()}-{number:02}.jpg"


def draw_catalogue() -> Iterator[tuple[str, str, Image.Image]]:
    """Yield the pictures of the demo catalogue: kind, file name, RGB picture."""
    for kind in KINDS:
        for number in range(1, PICTURES_PER_KIND + 1):
            yield kind, picture_name(kind, number), draw_picture(kind, number)


def draw_queries() -> Iterator[tuple[str, str, Image.Image]]:
    """Yield query photos: kind, file name, and the next picture of the kind as a simulated photo (RGB).

    No picture of that kind in the catalogue has the same colours: there are more colour schemes than pictures per kind.
    """
    for kind in QUERY_KINDS:
        yield (
            kind,
            f"{kind.lower()}.jpg",
            simulate_photo(draw_picture(kind, PICTURES_PER_KIND + 1), seed=KINDS.index(kind)),
        )
