"""Error pages, and their JSON form for scripts."""

import sys

from django.db import DatabaseError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from catalog.error_messages import describe_error
from catalog.services.accounts.actor import current_actor


def wants_json(request: HttpRequest) -> bool:
    """Whether a script, not a person, reads the response."""
    return request.headers.get("Accept", "").startswith("application/json")


def error_response(
    request: HttpRequest, status: int, title: str, message: str, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return an error page, or the message as JSON for a script or a program that uses the API."""
    if request.path_info.startswith("/api/"):
        return JsonResponse({"detail": message}, status=status, headers=headers)
    if wants_json(request):
        return JsonResponse({"error": message}, status=status, headers=headers)
    actions = [
        {"url": reverse("search"), "label": _("Search by photo")},
        {"url": reverse("browse"), "label": _("Browse")},
    ]
    context = {"status": status, "title": title, "message": message, "actions": actions, **_request_id()}
    try:
        response = render(request, "errors/error.html", context, status=status)
    except DatabaseError:  # Without the request, the page does not need the signed-in user.
        response = render(None, "errors/error.html", context, status=status)
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def error_response_for(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Return the page of an error that the user or the operator can act on; None for any other."""
    description = describe_error(error)
    return error_response(request, *description) if description else None


def form_errors_as_json(form: BaseForm, status: int) -> JsonResponse:
    """Return what is wrong with a form that a script has sent."""
    message = " ".join(str(error) for field_errors in form.errors.values() for error in field_errors)
    return JsonResponse({"error": message}, status=status)


def method_not_allowed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the page of a response with status 405: an address that a form is sent to was opened, for example."""
    message = _("It may be where a form is sent to. Go back and send the form again, or start from one of these pages.")
    return error_response(request, 405, _("This address cannot be opened"), message, {"Allow": response["Allow"]})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Serve as CSRF_FAILURE_VIEW: the user signed in or out in another tab, or the browser blocks cookies."""
    if wants_json(request):
        return JsonResponse({"error": _("This page has expired. Reload it and send the file again.")}, status=403)
    return render(request, "403_csrf.html", status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Serve as handler400, which also handles forms that middleware cannot read."""
    return error_response_for(request, exception) or render(None, "400.html", _request_id(), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Serve as handler500, which also handles errors of middleware. The database may be what failed."""
    try:
        response = error_response_for(request, sys.exc_info()[1])
    except Exception:
        response = None
    return response or render(None, "500.html", _request_id(), status=500)


def _request_id() -> dict[str, str]:
    return {"request_id": current_actor().request_id}
