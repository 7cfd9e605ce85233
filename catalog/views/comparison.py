"""The comparison of an image with the query that found it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

from catalog.exceptions import QueryPhotoExpired
from catalog.models import Image
from catalog.services.search import ranking
from catalog.services.search.ranking import Hit
from catalog.views.feedback import IMAGE_ID_PATTERN, PHOTO_TOKEN_PATTERN, build_url
from catalog.views.query_source import QuerySource, image_source, photo_source
from catalog.views.results_params import parse_crop


@dataclass(frozen=True)
class Comparison:
    """What an image is compared with.

    Attributes:
        hit: the image, with its score and similarity level.
        crop_query: the query string of the crop, with its question mark; empty for the whole picture.
        results_url: the results in which the image was found, with their filters, feedback and page, at the image.
    """

    source: QuerySource
    hit: Hit
    crop_query: str
    results_url: str


def find_comparison(request: HttpRequest, image: Image) -> Comparison | None:
    """Compare an image with the photo of `?query=TOKEN` or the image of `?image=ID`; return None if it is gone."""
    crop = parse_crop(request.GET)
    token, image_id = request.GET.get("query", ""), request.GET.get("image", "")
    try:
        if PHOTO_TOKEN_PATTERN.fullmatch(token):
            source = photo_source(token, crop)
        elif IMAGE_ID_PATTERN.fullmatch(image_id):
            source = image_source(int(image_id), crop)
        else:
            return None
    except (QueryPhotoExpired, Http404):
        return None
    hit = ranking.compare(source.query, image) if source.query else None
    if hit is None:
        return None
    crop_query = f"?{urlencode({'crop': crop})}" if crop else ""
    return Comparison(source, hit, crop_query, _results_url(request, source, image))


def _results_url(request: HttpRequest, source: QuerySource, image: Image) -> str:
    query = request.GET.copy()
    for name in ("query", "image"):
        query.pop(name, None)
    return f"{build_url(source.results_url, query)}#image-{image.pk}"
