"""Faults that reach past a view become pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from catalog.views import faults


class FaultPages:
    """Answers what views raise with the page of `views.faults`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        return faults.page_for(request, fault)
