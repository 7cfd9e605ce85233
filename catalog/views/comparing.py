"""An image beside what found it: the photo, or the other image, that an address names."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

from catalog.exceptions import QueryGone
from catalog.models import Image
from catalog.services import searching
from catalog.services.searching import Hit
from catalog.views.asking import wanted_crop
from catalog.views.marking import NUMBER, TOKEN
from catalog.views.sought import Sought, image_sought, photo_sought


@dataclass(frozen=True)
class Compared:
    """What an image is compared with.

    Attributes:
        hit: the image's score and its word.
        crop: the end of an address where only a part was sought.
    """

    sought: Sought
    hit: Hit
    crop: str


def comparison(request: HttpRequest, image: Image) -> Compared | None:
    """What `?query=TOKEN` or `?like=NUMBER` compares an image with; None where there is no such thing (any more)."""
    box = wanted_crop(request.GET)
    token, number = request.GET.get("query", ""), request.GET.get("like", "")
    try:
        if TOKEN.fullmatch(token):
            sought = photo_sought(token, box)
        elif NUMBER.fullmatch(number):
            sought = image_sought(int(number), box)
        else:
            return None
    except (QueryGone, Http404):
        return None
    hit = searching.compare(sought.query, image) if sought.query else None
    return Compared(sought, hit, f"?{urlencode({'crop': box})}" if box else "") if hit else None
