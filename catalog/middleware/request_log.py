"""Middleware that gives each request an identifier and logs its response."""

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from catalog.middleware.client_address import client_address
from catalog.services.accounts.actor import Actor, acting_as

logger = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# Of a secret in a path, such as the token of a query photo, so many characters are logged.
SHOWN_TOKEN_CHARACTERS = 6


class RequestLogMiddleware:
    """Makes the request the current actor, and logs method, path, status, duration and size of the response.

    The identifier is that of the header X-Request-ID, if a proxy sends a well-formed one, or a random one. The response
    carries it in the same header. Query strings are not logged: they hold words that people search for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_at = time.perf_counter()
        given_id = request.headers.get("X-Request-ID", "")
        request_id = given_id if REQUEST_ID.fullmatch(given_id) else secrets.token_hex(8)
        origin = {"admin": "admin", "api": "api"}.get(request.path_info.split("/")[1], "page")
        with acting_as(Actor(origin, client_address(request), request_id, request)):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            _log_response(request, response, time.perf_counter() - started_at)
        return response


def _log_response(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    size = response.headers.get("Content-Length") or len(getattr(response, "content", b""))
    fields = {
        "method": request.method,
        "path": _path_without_token(request),
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 1),
        "bytes": int(size),
    }
    logger.info("%(method)s %(path)s %(status)s %(milliseconds)s ms %(bytes)s bytes", fields, extra=fields)


def _path_without_token(request: HttpRequest) -> str:
    """Return the path. Whoever knows the token of a query photo sees it, so the log holds its beginning only."""
    token = request.resolver_match.kwargs.get("token", "") if request.resolver_match else ""
    return request.path.replace(token, f"{token[:SHOWN_TOKEN_CHARACTERS]}…") if token else request.path
