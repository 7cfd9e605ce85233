"""The kinds of objects in the demo catalogue. Each kind is a collection."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from catalog.demo.canvas import Canvas
from catalog.demo.household import bag, chair, cup, lamp
from catalog.demo.outdoors import bicycle, fish, leaf, umbrella
from catalog.demo.style import Style
from catalog.exceptions import gettext_noop


@dataclass(frozen=True)
class Kind:
    """How objects of a kind are drawn.

    Attributes:
        draw: draws one object, upright.
        standing: whether the object stands on a surface, or lies on it and is seen from above.
        wide: whether its pictures are in landscape or portrait format.
        max_tilt: maximum rotation to either side, in degrees.
    """

    draw: Callable[[Canvas, Style, Random], None]
    standing: bool
    wide: bool
    max_tilt: float


# The search page shows the names of the kinds translated, as labels of its example photos.
COLLECTIONS = {
    gettext_noop("Bags"): Kind(bag, standing=True, wide=True, max_tilt=4),
    gettext_noop("Bicycles"): Kind(bicycle, standing=True, wide=True, max_tilt=3),
    gettext_noop("Chairs"): Kind(chair, standing=True, wide=False, max_tilt=3),
    gettext_noop("Cups"): Kind(cup, standing=True, wide=True, max_tilt=3),
    gettext_noop("Fish"): Kind(fish, standing=False, wide=True, max_tilt=10),
    gettext_noop("Lamps"): Kind(lamp, standing=True, wide=False, max_tilt=3),
    gettext_noop("Leaves"): Kind(leaf, standing=False, wide=False, max_tilt=20),
    gettext_noop("Umbrellas"): Kind(umbrella, standing=False, wide=False, max_tilt=14),
}
