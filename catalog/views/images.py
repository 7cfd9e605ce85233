"""Browsing the catalogue, the page of one image, and its files."""

from pathlib import PurePosixPath

from django.conf import settings
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.exceptions import SegmentDamaged
from catalog.forms import BrowseForm
from catalog.imaging.formats import MEDIA_TYPES
from catalog.models import Image
from catalog.services import facets, originals, searching
from catalog.views import faults
from catalog.views.access import searcher
from catalog.views.comparing import comparison
from catalog.views.paging import page_query

NEIGHBOURS = 12
PER_PAGE = 48


@require_safe
@searcher
def browse(request: HttpRequest) -> HttpResponse:
    form = BrowseForm(request.GET)
    if not form.is_valid():
        raise faults.NotHere(_("There is no such collection, tag, format, date, size or status."))
    status = form.cleaned_data["status"]
    images = form.filters().images().for_cards()
    page = Paginator(images.filter(status=status) if status else images, PER_PAGE).get_page(request.GET.get("page"))
    form.tell(facets.count(form.fields, form.filters(), status))
    return render(request, "images/browse.html", {"form": form, "page": page, "page_query": page_query(request.GET)})


@require_safe
@searcher
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    image = get_object_or_404(Image.objects.for_cards().select_related("uploaded_by"), pk=pk)
    neighbours, note = _neighbours(image)
    context = {
        "image": image,
        "neighbours": neighbours,
        "neighbours_note": note,
        "can_edit": request.user.has_perm("catalog.change_image"),
        "compared": comparison(request, image),
    }
    return render(request, "images/detail.html", context)


@require_safe
@searcher
def thumbnail(request: HttpRequest, sha256: str) -> FileResponse:
    image = get_object_or_404(Image, sha256=sha256)
    name = str(image.thumbnail)
    return _file(name, "image/webp" if name.endswith(".webp") else "image/jpeg")  # WebP: of before they became JPEG


@require_safe
@searcher
def original(request: HttpRequest, sha256: str) -> FileResponse:
    """The picture as it came in; `?download` has the browser save it."""
    image = get_object_or_404(Image, sha256=sha256)
    stored, sent = PurePosixPath(str(image.original)), PurePosixPath(image.source)
    return _file(
        str(stored), MEDIA_TYPES[image.format], filename=sent.stem + stored.suffix, download="download" in request.GET
    )


def _neighbours(image: Image) -> tuple[list[searching.Hit], str]:
    notes: dict[str, str] = {
        Image.Status.PENDING: _("This picture is still waiting to be described; what looks like it is shown then."),
        Image.Status.FAILED: _("This picture could not be described, so nothing can be compared with it."),
    }
    if image.status in notes:
        return [], notes[image.status]
    try:
        found = searching.like(image, count=NEIGHBOURS)
    except SegmentDamaged:
        return [], _("A part of the index is damaged. Someone has to run check_index --repair on the server.")
    return (found.hits, "") if found and found.hits else ([], _("There is no other picture to compare with yet."))


def _file(name: str, kind: str, *, filename: str = "", download: bool = False) -> FileResponse:
    try:
        file = originals.open_file(name)
    except FileNotFoundError:
        raise faults.NotHere(_("This file is missing on the server.")) from None
    answer = FileResponse(file, as_attachment=download, filename=filename, content_type=kind)
    # The address is made from the digest of the bytes: it never means anything else.
    audience = "private" if settings.SEARCH_REQUIRES_LOGIN else "public"
    answer["Cache-Control"] = f"{audience}, max-age=31536000, immutable"
    return answer
