"""The upload form, the result of each uploaded file, and the status of images for scripts."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from catalog.error_messages import error_message, hide_folders
from catalog.forms import UploadForm
from catalog.imaging.limits import format_bytes
from catalog.models import Collection, Image, ImportedFile
from catalog.services.ingest import uploads
from catalog.services.ingest.commit import FileResult
from catalog.services.media import upload_limits
from catalog.views.access import search_access_required, upload_access_required
from catalog.views.errors import form_errors_as_json, wants_json

MAX_WATCHED_IMAGES = 500


@require_http_methods(["GET", "HEAD", "POST"])
@upload_access_required
def upload(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _render_form(request, form)
    results = uploads.add_uploaded_files(
        form.cleaned_data["files"],
        collection=form.cleaned_data["collection"],
        tags=form.cleaned_data["tags"],
        user=request.user,
    )
    rows = [_result_json(result) for result in results]
    if wants_json(request):
        return JsonResponse({"results": rows})
    ids = [result.image.pk for result in results if result.image]
    context = {
        "results": rows,
        "refresh_url": f"{reverse('upload_results')}?{urlencode({'ids': ','.join(map(str, ids))})}" if ids else "",
    }
    return render(request, "upload/results.html", context)


@require_safe
@upload_access_required
def upload_results(request: HttpRequest) -> HttpResponse:
    """Show the current status of the images of an upload, `?ids=1,2,3`, to browsers without scripts."""
    images = Image.objects.for_tiles().filter(pk__in=_parse_ids(request)).order_by("pk")
    rows = [_result_json(FileResult(image.label, ImportedFile.Outcome.ADDED, image)) for image in images]
    return render(request, "upload/results.html", {"results": rows, "refresh_url": request.get_full_path()})


@require_safe
@search_access_required
def upload_status(request: HttpRequest) -> JsonResponse:
    """Return the status of images, `?ids=1,2,3`, as JSON for the pages that update it."""
    images = Image.objects.filter(pk__in=_parse_ids(request)).values_list("pk", "status", "failure_reason")
    return JsonResponse(
        {"images": [{"id": pk, "status": status, "reason": hide_folders(reason)} for pk, status, reason in images]}
    )


def _render_form(request: HttpRequest, form: UploadForm) -> HttpResponse:
    if form.errors and wants_json(request):
        return form_errors_as_json(form, 400)
    max_size = format_bytes(upload_limits.picture_limits().max_bytes)
    context = {"form": form, "collections": Collection.objects.all(), "max_size": max_size}
    return render(request, "upload/form.html", context, status=400 if form.errors else 200)


def _parse_ids(request: HttpRequest) -> list[int]:
    parts = request.GET.get("ids", "").split(",")
    return [int(part) for part in parts if part.isdecimal() and len(part) < 16][:MAX_WATCHED_IMAGES]


def _result_json(result: FileResult) -> dict[str, object]:
    image = result.image
    return {
        "name": result.name,
        "outcome": result.outcome.value,
        "reason": error_message(result.error) if result.error else "",
        "id": image.pk if image else None,
        "url": image.get_absolute_url() if image else None,
        "status": image.status if image else None,
        "thumbnail_url": image.thumbnail_url if image else None,
    }
