"""The whole catalogue on one page, what is alike side by side."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog.models import Image, Layout
from catalog.services import layouts
from catalog.views.access import searcher


@require_safe
@searcher
def page(request: HttpRequest) -> HttpResponse:
    layout = layouts.current()
    total = len(layout.ids()) if layout else 0
    context = {"layout": layout, "total": total, "side": layouts.SIDE, "row": layouts.ROW}
    return render(request, "images/map.html", context)


@require_safe
@searcher
def places(request: HttpRequest, pk: int) -> HttpResponse:
    """Of every image that is still there its number, its place in the sheets, where it lies, and its name."""
    layout = get_object_or_404(Layout, pk=pk)
    ids = layout.ids().tolist()
    there = Image.objects.only("title", "source", "sha256").in_bulk(ids)
    laid = zip(ids, layout.positions().tolist(), strict=True)
    rows = [
        [image_id, at, round(x, 4), round(y, 4), there[image_id].label, there[image_id].thumbnail_url]
        for at, (image_id, (x, y)) in enumerate(laid)
        if image_id in there
    ]
    return JsonResponse({"images": rows})


@require_safe
@searcher
def sheet(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Small pictures of a hundred images."""
    try:
        answer = HttpResponse(layouts.sheet(get_object_or_404(Layout, pk=pk), number), content_type="image/jpeg")
    except IndexError:
        raise Http404 from None
    audience = "private" if settings.SEARCH_REQUIRES_LOGIN else "public"
    answer["Cache-Control"] = f"{audience}, max-age=31536000, immutable"
    return answer
