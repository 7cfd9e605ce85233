"""Middleware that answers probes."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from catalog.views.monitoring import probes

PROBES = {"/healthz": probes.healthz, "/readyz": probes.readyz}


class ProbeMiddleware:
    """Answers probes before all other middleware.

    So they need no host name, HTTPS, session or language, are not throttled, and do not fill the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in PROBES:
            return self.get_response(request)
        response = PROBES[request.path_info](request)
        response["Content-Length"] = str(len(response.content))  # CommonMiddleware does it for other responses
        return response
