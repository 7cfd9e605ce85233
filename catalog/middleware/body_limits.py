"""How large a request may be. The web server asks before it receives a body; the middleware is for other servers."""

import re
from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError

from catalog.api.access import BasicAuth, TokenAuth
from catalog.models import ApiToken
from catalog.views import errors

SEARCH_PATH = re.compile(r"/(search|api/search)/?")
UPLOAD_PATH = re.compile(r"/(upload|api/images)/?")


class BodyLimit(NamedTuple):
    """The largest body of a request in bytes, from anyone and from those who have an account."""

    for_anyone: int
    with_account: int


def body_limit(path: str) -> BodyLimit:
    """Return the limit of requests to `path`."""
    form_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if SEARCH_PATH.fullmatch(path):
        photo_bytes = min(settings.MAX_UPLOAD_BYTES, settings.MAX_QUERY_BYTES) + form_bytes
        return BodyLimit(photo_bytes, photo_bytes)
    if UPLOAD_PATH.fullmatch(path):
        return BodyLimit(form_bytes, settings.MAX_REQUEST_BYTES)
    if path.startswith("/admin/"):
        return BodyLimit(form_bytes, settings.MAX_ARCHIVE_BYTES + form_bytes)
    return BodyLimit(form_bytes, form_bytes)


def has_account(environ: dict[str, object]) -> bool:
    """Return whether a WSGI request whose body has not been read comes from a session, a token or a password."""
    request = WSGIRequest(environ)
    try:
        SessionMiddleware(_no_response).process_request(request)
        request.user = get_user(request)
        if request.user.is_authenticated:
            return True
        return bool(TokenAuth(ApiToken.Scope.WRITE)(request) or BasicAuth()(request))
    except HttpError:  # the token or the password is wrong, or the token lacks the scope
        return False


class BodyLimitMiddleware:
    """Refuses requests by their Content-Length, before anything reads their body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = body_limit(request.path_info)
        try:
            size = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            size = 0
        if size <= limit.for_anyone or (size <= limit.with_account and has_account(request.META)):
            return self.get_response(request)
        return refusal(request, RequestDataTooBig())


def refusal(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the answer to a request that is not let in: for the API as its own errors, else a page."""
    response = errors.error_response_for(request, error)
    if response is None:
        raise error
    return response


def _no_response(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
