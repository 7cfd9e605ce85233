"""The similarity map: the whole catalogue on one page, with similar pictures close together."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import condition, require_safe

from catalog.models import Image, SimilarityMap
from catalog.services.search import similarity_map
from catalog.views.access import search_access_required
from catalog.views.media.responses import MAX_CACHE_SECONDS


@require_safe
@search_access_required
def map_page(request: HttpRequest) -> HttpResponse:
    current_map = similarity_map.current_map()
    context = {
        "similarity_map": current_map,
        "image_count": len(current_map.ids()) if current_map else 0,
        "sprite_side": similarity_map.SPRITE_SIDE,
        "sprites_per_row": similarity_map.SPRITES_PER_ROW,
    }
    return render(request, "images/map.html", context)


@require_safe
@search_access_required
def map_positions(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the images of a map as JSON: a row [id, index of its sprite, x, y, label, thumbnail URL] for each.

    Deleted images are left out.
    """
    stored_map = get_object_or_404(SimilarityMap, pk=pk)
    ids = stored_map.ids().tolist()
    images = Image.objects.only("title", "source", "sha256").in_bulk(ids)
    positions = zip(ids, stored_map.positions().tolist(), strict=True)
    rows = [
        [image_id, index, round(x, 4), round(y, 4), images[image_id].label, images[image_id].thumbnail_url]
        for index, (image_id, (x, y)) in enumerate(positions)
        if image_id in images
    ]
    return JsonResponse({"images": rows})


def _sheet_etag(request: HttpRequest, pk: int, number: int) -> str | None:
    stored_map = SimilarityMap.objects.filter(pk=pk).first()
    return f'"{pk}-{number}-{similarity_map.sheet_digest(stored_map, number)}"' if stored_map else None


@require_safe
@search_access_required
@condition(etag_func=_sheet_etag)
def map_sprite_sheet(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Serve a JPEG of the small pictures of up to 100 images of a map. Caches check it as they check thumbnails."""
    stored_map = get_object_or_404(SimilarityMap, pk=pk)
    try:
        response = HttpResponse(similarity_map.sprite_sheet(stored_map, number), content_type="image/jpeg")
    except IndexError:
        raise Http404 from None
    cache_scope = "private" if settings.SEARCH_REQUIRES_LOGIN else "public"
    response["Cache-Control"] = f"{cache_scope}, max-age={MAX_CACHE_SECONDS}, must-revalidate"
    return response
