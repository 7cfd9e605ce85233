"""Middleware that turns exceptions of views into error pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from catalog.views import errors


class ErrorPageMiddleware:
    """Shows the page of `views.errors` for an exception that a view raises, if there is one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return errors.error_response_for(request, exception)
