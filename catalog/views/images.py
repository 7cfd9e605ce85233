"""The list of images, the page of one image, and its files."""

from pathlib import PurePosixPath

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.error_messages import NotFoundWithMessage
from catalog.exceptions import SegmentDamaged
from catalog.forms import BrowseForm
from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Image
from catalog.services.media import files
from catalog.services.search import facets, neighbours, ranking
from catalog.views.access import search_access_required
from catalog.views.comparison import find_comparison
from catalog.views.paging import query_prefix

IMAGES_PER_PAGE = 48


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
        "can_edit": request.user.has_perm("catalog.change_image"),
        "comparison": find_comparison(request, image),
    }
    return render(request, "images/detail.html", context)


@require_safe
@search_access_required
def thumbnail(request: HttpRequest, sha256: str) -> FileResponse:
    name = str(get_object_or_404(Image, sha256=sha256).thumbnail)
    # Thumbnails were WebP before they became JPEG.
    return _file_response(name, "image/webp" if name.endswith(".webp") else "image/jpeg")


@require_safe
@search_access_required
def original(request: HttpRequest, sha256: str) -> FileResponse:
    """Serve the original file; `?download` makes the browser save it."""
    image = get_object_or_404(Image, sha256=sha256)
    stored_path, source_path = PurePosixPath(str(image.original)), PurePosixPath(image.source)
    return _file_response(
        str(stored_path),
        MEDIA_TYPES[image.format],
        filename=source_path.stem + stored_path.suffix,
        download="download" in request.GET,
    )


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


def _file_response(name: str, content_type: str, *, filename: str = "", download: bool = False) -> FileResponse:
    try:
        file = files.open_file(name)
    except FileNotFoundError:
        raise NotFoundWithMessage(_("This file is missing on the server.")) from None
    response = FileResponse(file, as_attachment=download, filename=filename, content_type=content_type)
    # The URL contains the digest of the original, so its content never changes.
    cache_scope = "private" if settings.SEARCH_REQUIRES_LOGIN else "public"
    response["Cache-Control"] = f"{cache_scope}, max-age=31536000, immutable"
    return response
