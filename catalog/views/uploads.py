"""Uploading: a form for many files, an outcome for each, and how the accepted ones come along."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from catalog.forms import UploadForm
from catalog.models import Collection, Image
from catalog.services import uploads
from catalog.services.uploads import Outcome
from catalog.views import faults
from catalog.views.access import searcher, uploader

WATCHED_AT_ONCE = 500


@require_http_methods(["GET", "HEAD", "POST"])
@uploader
def upload(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    outcomes = uploads.add_each(
        form.cleaned_data["files"],
        collection=form.cleaned_data["collection"],
        tags=form.cleaned_data["tags"],
        user=request.user,
    )
    answer = [_as_json(outcome) for outcome in outcomes]
    if faults.wants_json(request):
        return JsonResponse({"outcomes": answer})
    ids = [outcome.image.pk for outcome in outcomes if outcome.image]
    context = {
        "outcomes": answer,
        "refresh_url": f"{reverse('upload_outcomes')}?{urlencode({'ids': ','.join(map(str, ids))})}" if ids else "",
    }
    return render(request, "upload/outcomes.html", context)


@require_safe
@uploader
def outcomes(request: HttpRequest) -> HttpResponse:
    """How the accepted files of an upload stand now, for those who watch without scripts."""
    images = Image.objects.for_cards().filter(pk__in=_ids(request)).order_by("pk")
    answer = [_as_json(Outcome(image.label, uploads.Kind.ADDED, image)) for image in images]
    return render(request, "upload/outcomes.html", {"outcomes": answer, "refresh_url": request.get_full_path()})


@require_safe
@searcher
def status(request: HttpRequest) -> JsonResponse:
    """How images stand, for a page that watches them: `?ids=1,2,3`."""
    images = Image.objects.filter(pk__in=_ids(request)).values("pk", "status", "failure_reason")
    return JsonResponse(
        {"images": [{"id": one["pk"], "status": one["status"], "reason": one["failure_reason"]} for one in images]}
    )


def _form(request: HttpRequest, form: UploadForm) -> HttpResponse:
    if form.errors and faults.wants_json(request):
        explanation = " ".join(str(message) for messages in form.errors.values() for message in messages)
        return JsonResponse({"error": explanation}, status=400)
    context = {"form": form, "collections": Collection.objects.all()}
    return render(request, "upload/form.html", context, status=400 if form.errors else 200)


def _ids(request: HttpRequest) -> list[int]:
    parts = request.GET.get("ids", "").split(",")
    return [int(part) for part in parts if part.isdecimal() and len(part) < 16][:WATCHED_AT_ONCE]


def _as_json(outcome: Outcome) -> dict[str, object]:
    image = outcome.image
    return {
        "name": outcome.name,
        "outcome": outcome.kind.value,
        "reason": faults.sentence(outcome.refusal) if outcome.refusal else "",
        "id": image.pk if image else None,
        "url": image.get_absolute_url() if image else None,
        "status": image.status if image else None,
        "thumbnail_url": image.thumbnail_url if image else None,
    }
