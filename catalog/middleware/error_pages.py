"""Middleware that turns exceptions of views, and methods that they do not allow, into error pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from catalog.views import errors


class ErrorPageMiddleware:
    """Shows the page of `views.errors` for an exception that a view raises, if there is one, and for status 405."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return errors.method_not_allowed(request, response) if response.status_code == 405 else response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return errors.error_response_for(request, exception)
