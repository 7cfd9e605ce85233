"""The list of images, and the page of one image."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.error_messages import NotFoundWithMessage
from catalog.exceptions import SegmentDamaged
from catalog.forms import BrowseForm
from catalog.models import Image
from catalog.services.search import facets, neighbours, ranking
from catalog.views.access import search_access_required
from catalog.views.comparison import find_comparison
from catalog.views.paging import query_prefix

IMAGES_PER_PAGE = 48
COVER_SECONDS = 600  # for which a browser shows the same cover of a collection


@require_safe
@search_access_required
def browse(request: HttpRequest) -> HttpResponse:
    form = BrowseForm(request.GET)
    if not form.is_valid():
        raise NotFoundWithMessage(_("One of the filters has an unknown value. Clear the filters."))
    status = form.cleaned_data["status"]
    images = form.filters().images().for_tiles()
    paginator = Paginator(images.filter(status=status) if status else images, IMAGES_PER_PAGE)
    form.show_counts(facets.count_choices(form.fields, form.filters(), status))
    context = {
        "form": form,
        "page": paginator.get_page(request.GET.get("page")),
        "query_prefix": query_prefix(request.GET),
    }
    return render(request, "images/browse.html", context)


@require_safe
@search_access_required
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    image = get_object_or_404(Image.objects.for_tiles().select_related("uploaded_by"), pk=pk)
    neighbours, message = _find_neighbours(image)
    context = {
        "image": image,
        "neighbours": neighbours,
        "neighbours_message": message,
        "can_edit": request.user.is_staff and request.user.has_perm("catalog.change_image"),
        "comparison": find_comparison(request, image),
    }
    return render(request, "images/detail.html", context)


@require_safe
@search_access_required
def collection_cover(request: HttpRequest, pk: int) -> HttpResponse:
    """Redirect to the thumbnail of the newest image of a collection; answer 204 if it has none."""
    image = Image.objects.indexed().filter(collection=pk).order_by("-pk").only("sha256").first()
    response = redirect(image.thumbnail_url) if image else HttpResponse(status=204)
    response["Cache-Control"] = f"private, max-age={COVER_SECONDS}"
    return response


def _find_neighbours(image: Image) -> tuple[list[ranking.Hit], str]:
    """Return the most similar images, or none and a message that says why."""
    messages: dict[str, str] = {
        Image.Status.PENDING: _("Similar images appear here once this image is indexed."),
        Image.Status.FAILED: _("This image could not be indexed, so it cannot be compared with others."),
    }
    if image.status in messages:
        return [], messages[image.status]
    try:
        results = neighbours.find_neighbours(image)
    except SegmentDamaged:
        return [], _(
            "Part of the index is damaged. The administrator can repair it: python manage.py check_index --repair"
        )
    return (results.hits, "") if results and results.hits else ([], _("There are no other images to compare with."))
