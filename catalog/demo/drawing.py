"""The demo catalogue: pictures drawn by the program, so that a newcomer has something to search.

Everything follows from the kind and the number of a picture: the same call draws the same picture.
"""

from collections.abc import Iterator
from random import Random

from PIL import Image

from catalog.demo.backgrounds import LYING, STANDING
from catalog.demo.brush import DOTS, Sheet
from catalog.demo.dress import Dress
from catalog.demo.kinds import COLLECTIONS
from catalog.demo.palette import SCHEMES, mix
from catalog.demo.patterns import PATTERNS
from catalog.demo.photograph import photograph
from catalog.demo.scene import place, posed

KINDS: tuple[str, ...] = tuple(COLLECTIONS)
ASKED = ("Bags", "Bicycles", "Chairs", "Cups", "Fish", "Umbrellas")

PICTURES_A_KIND = 8
FORMATS = ((640, 480), (600, 520))  # of wide things; tall things turn them on end


def draw(kind: str, number: int) -> Image.Image:
    """Picture `number` of a kind: RGB, 480 to 640 px a side. Any number draws a picture.

    Colours, pattern, background and format each take turns at their own pace, so that pictures of a kind
    share little but their kind; the rest is left to chance.

    Raises:
        KeyError: `kind` is none of `KINDS`.
    """
    sort, turn = COLLECTIONS[kind], KINDS.index(kind)
    chance = Random(f"{kind} {number}")  # noqa: S311 - it decorates, it guards nothing
    scheme = SCHEMES[(number + 4 * turn) % len(SCHEMES)]
    long, short = FORMATS[number // 2 % len(FORMATS)]
    size = (long, short) if sort.wide else (short, long)
    grounds = STANDING if sort.standing else LYING
    picture = grounds[(number + turn) % len(grounds)](size, chance.choice(scheme.walls), chance)

    # Tone on tone: a loud pattern drowns the shape, for the eye and for the network.
    pattern, tone = PATTERNS[(number + turn) % len(PATTERNS)], mix(scheme.main, scheme.second, 0.36)
    cloth = pattern(scheme.main, tone, chance.randint(8, 12) * DOTS)
    sheet = Sheet()
    sort.shape(sheet, Dress(cloth, scheme.main, scheme.second, scheme.trim), chance)
    mirrored, tilt, share = number % 2 == 1, chance.uniform(-sort.tilt, sort.tilt), chance.uniform(0.74, 0.84)
    thing = posed(sheet.image, mirrored, tilt, (size[0] * share, size[1] * share))
    centre = size[0] * chance.uniform(0.46, 0.54), size[1] * chance.uniform(0.49, 0.52)
    place(thing, picture, centre, sort.standing)
    return picture


def catalogue() -> Iterator[tuple[str, str, Image.Image]]:
    """Every picture of the demo catalogue: its kind, a file name, the RGB picture."""
    for kind in KINDS:
        for number in range(1, PICTURES_A_KIND + 1):
            yield kind, f"{kind.lower()}-{number:02}.jpg", draw(kind, number)


def queries() -> Iterator[tuple[str, str, Image.Image]]:
    """Photos to search with: the picture that would come next in a kind, as a camera would see it.

    Its colours are in no catalogue picture of that kind: there are more schemes than pictures a kind.
    """
    for kind in ASKED:
        yield kind, f"{kind.lower()}.jpg", photograph(draw(kind, PICTURES_A_KIND + 1), seed=KINDS.index(kind))
