"""Pictures with the areas highlighted that contribute to a score."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from catalog.imaging.thumbnails import encode_webp_thumbnail
from catalog.models import Image
from catalog.services.search import explanations, query_photos
from catalog.services.search.explanations import OVERLAY_SIDE, Activations
from catalog.views.access import search_access_required
from catalog.views.results_params import parse_crop


@require_safe
@search_access_required
def query_explanation(request: HttpRequest, token: str, pk: int, side: str) -> HttpResponse:
    """Explain the score of a query photo and an image: `side` is "photo" or "image"."""
    photo = query_photos.get_photo(token)
    image = get_object_or_404(Image, pk=pk)
    return _overlay_response(query_photos.compute_stored_activations(photo, parse_crop(request.GET)), image, side)


@require_safe
@search_access_required
def image_explanation(request: HttpRequest, pk: int, other_pk: int, side: str) -> HttpResponse:
    """Explain the score of the image `pk` and its hit `other_pk`: `side` is "photo" or "image"."""
    image, hit_image = get_object_or_404(Image, pk=pk), get_object_or_404(Image, pk=other_pk)
    activations = explanations.compute_image_activations(image, box=parse_crop(request.GET))
    return _overlay_response(activations, hit_image, side)


def _overlay_response(activations: Activations, image: Image, side: str) -> HttpResponse:
    explanation = explanations.explain(activations, image)
    sides = {"photo": explanation.photo, "image": explanation.image}
    if side not in sides:
        raise Http404
    response = HttpResponse(encode_webp_thumbnail(sides[side].overlay, OVERLAY_SIDE), content_type="image/webp")
    response["Cache-Control"] = "private, max-age=3600"  # The next generation may explain it otherwise.
    return response
