"""The collections of the demo catalogue, and how the things of each are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from catalog.demo.brush import Sheet
from catalog.demo.dress import Dress
from catalog.demo.household import bag, chair, cup, lamp
from catalog.demo.outdoors import bicycle, fish, leaf, umbrella


@dataclass(frozen=True)
class Kind:
    """`shape` draws one thing upright; it stands or else lies; it is shown on its side or on end."""

    shape: Callable[[Sheet, Dress, Random], None]
    standing: bool
    wide: bool
    tilt: float  # at most so many degrees to either side


COLLECTIONS = {
    "Bags": Kind(bag, standing=True, wide=True, tilt=4),
    "Bicycles": Kind(bicycle, standing=True, wide=True, tilt=3),
    "Chairs": Kind(chair, standing=True, wide=False, tilt=3),
    "Cups": Kind(cup, standing=True, wide=True, tilt=3),
    "Fish": Kind(fish, standing=False, wide=True, tilt=10),
    "Lamps": Kind(lamp, standing=True, wide=False, tilt=3),
    "Leaves": Kind(leaf, standing=False, wide=False, tilt=20),
    "Umbrellas": Kind(umbrella, standing=False, wide=False, tilt=14),
}
