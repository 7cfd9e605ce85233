"""Why it matched: a picture with the parts lit that made the score."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from catalog.imaging.thumbnails import thumbnail
from catalog.models import Image
from catalog.services import explaining, queries, searching
from catalog.services.explaining import OVERLAY_SIDE, Seen
from catalog.views.access import searcher
from catalog.views.asking import wanted_crop


@require_safe
@searcher
def query_why(request: HttpRequest, token: str, pk: int, which: str) -> HttpResponse:
    """The overlay of a query photo, or of the image that it found."""
    photo = queries.find(token)
    image = get_object_or_404(Image, pk=pk)
    return _overlay(queries.seen(photo, wanted_crop(request.GET)), image, which)


@require_safe
@searcher
def image_why(request: HttpRequest, pk: int, other: int, which: str) -> HttpResponse:
    """The overlay of an image whose likes were sought, or of another."""
    image, found = get_object_or_404(Image, pk=pk), get_object_or_404(Image, pk=other)
    return _overlay(explaining.see_image(image, box=wanted_crop(request.GET)), found, which)


def _overlay(query: Seen, image: Image, which: str) -> HttpResponse:
    explanation = searching.explain(query, image)
    parts = {"photo": explanation.photo, "image": explanation.image}
    if which not in parts:
        raise Http404
    answer = HttpResponse(thumbnail(parts[which].overlay, OVERLAY_SIDE), content_type="image/webp")
    answer["Cache-Control"] = "private, max-age=3600"  # not for ever: a rebuild may explain it otherwise
    return answer
