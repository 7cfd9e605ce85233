"""Pages for what went wrong: each says what it is and what to do."""

import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from catalog.exceptions import (
    CatalogueBusy,
    CropRefused,
    ImageSearchError,
    IndexUnavailable,
    NothingIndexed,
    PictureRefused,
    QueryGone,
    SegmentDamaged,
    StoreUnavailable,
    WeightsUnavailable,
)
from catalog.services import database

STATUS: dict[type[BaseException], tuple[int, str]] = {
    QueryGone: (410, noop("This search is gone")),
    NothingIndexed: (409, noop("Nothing to search yet")),
    PictureRefused: (422, noop("This picture cannot be taken")),
    CropRefused: (422, noop("There is no such part of the picture")),
    CatalogueBusy: (503, noop("Busy")),
    SegmentDamaged: (503, noop("A part of the index is damaged")),
    IndexUnavailable: (503, noop("The index is away")),
    StoreUnavailable: (507, noop("The storage does not answer")),
    WeightsUnavailable: (503, noop("The network is not there")),
    ImageSearchError: (400, noop("That cannot be done")),
}


class NotHere(Http404):
    """An address that leads nowhere, with a sentence for the reader that says why."""


def wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def sentence(fault: ImageSearchError) -> str:
    """What is wrong, in the reader's language."""
    return _(fault.message).format(**fault.params)


def status_of(fault: ImageSearchError) -> int:
    """The HTTP status that answers a fault."""
    if isinstance(fault, PictureRefused) and fault.code == "too_many_bytes":
        return 413
    return next(status for kind, (status, _title) in STATUS.items() if isinstance(fault, kind))


def explanation(fault: BaseException | None) -> tuple[int, str, str] | None:
    """Status, title and sentence of a fault that a person can do something about; None for any other."""
    if isinstance(fault, database.FAULTS):
        fault = database.explained(fault)
    if isinstance(fault, ImageSearchError):
        title = next(title for kind, (_status, title) in STATUS.items() if isinstance(fault, kind))
        return status_of(fault), _(title), sentence(fault)
    if isinstance(fault, NotHere):
        return 404, _("There is nothing here"), str(fault)
    if isinstance(fault, (RequestDataTooBig, TooManyFilesSent, TooManyFieldsSent)):
        told = _("That is more than one request may hold. Send fewer files at a time.")
        return 413, _("Too much at once"), told
    return None


def page(request: HttpRequest, status: int, title: str, explanation: str) -> HttpResponse:
    """A page, or JSON for a script, that says what is wrong."""
    if wants_json(request):
        return JsonResponse({"error": explanation}, status=status)
    actions = [
        {"url": reverse("search"), "label": _("Search by photo")},
        {"url": reverse("browse"), "label": _("Browse")},
    ]
    context = {"status": status, "title": title, "explanation": explanation, "actions": actions}
    try:
        return render(request, "errors/error.html", context, status=status)
    except DatabaseError:  # who is signed in cannot be asked either
        return render(None, "errors/error.html", context, status=status)


def page_for(request: HttpRequest, fault: BaseException | None) -> HttpResponse | None:
    """The page of a fault that a person can do something about; None for any other."""
    told = explanation(fault)
    return page(request, *told) if told else None


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: somebody signed in or out in another tab, or cookies are off."""
    if wants_json(request):
        return JsonResponse({"error": _("This page has expired. Reload it and send the file again.")}, status=403)
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: also reached by forms that middleware cannot read."""
    return page_for(request, exception) or render(None, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: also reached by faults of middleware, where the database may be what failed."""
    try:
        answer = page_for(request, sys.exc_info()[1])
    except Exception:
        answer = None
    return answer or render(None, "500.html", status=500)
