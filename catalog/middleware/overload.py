"""Middleware that answers for the web server when it is busy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop

from catalog.exceptions import Overloaded
from catalog.middleware.body_limits import refusal

# In the WSGI environment: whether the web server refuses the request. Headers of clients begin with HTTP_.
IS_REFUSED = "imagesearch.is_refused"
RETRY_AFTER = 2  # seconds


class OverloadMiddleware:
    """Answers 503 to a request that the web server refuses, before anything reads its body or searches."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.META.get(IS_REFUSED):
            return self.get_response(request)
        message = gettext_noop("The site has more requests than it can answer now. Try again in a few seconds.")
        return refusal(request, Overloaded(message, retry_after=RETRY_AFTER))
