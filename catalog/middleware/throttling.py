"""How many searches, uploads and sign-ins one client may send in a minute."""

import re
from collections.abc import Callable
from time import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop
from ninja.errors import AuthenticationError

from catalog.api.access import find_account
from catalog.exceptions import TooManyRequests
from catalog.middleware.body_limits import SEARCH_PATH, UPLOAD_PATH, refusal
from catalog.middleware.client_address import client_address
from catalog.services.accounts.clients import client_key

RANKING_PATH = re.compile(
    r"/search/[\w-]+/(explanation/.*|regions/)?|/images/\d+/(similar/|explanation/.*)|/saved/feed/.*"
)
LOGIN_PATH = re.compile(r"/(accounts|admin)/login/|/(accounts/password|admin/password_change)/")
PERIOD_SECONDS = 60
MAX_NAME_LENGTH = 255  # of the columns of django-axes


def is_search(path: str) -> bool:
    """Return whether a request to `path` runs the network or ranks the catalogue."""
    return bool(SEARCH_PATH.fullmatch(path) or RANKING_PATH.fullmatch(path))


class ThrottlingMiddleware:
    """Answers 429 to a client that has sent as many requests of a kind as the settings allow in a minute.

    A client is an account, of a session or an API token, or an address. A request with a token that is not valid does
    not count: the API refuses it at once, and nobody guesses 256 bits. The counters are in the cache: with Redis, of
    all processes together; without, of each.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kind, limit = _limit(request)
        user: Any = request.user  # its type depends on AUTH_USER_MODEL
        if request.path_info.startswith("/api/"):
            try:
                user = find_account(request) or user
            except AuthenticationError:
                return self.get_response(request)
        if not limit or _count(f"{kind}-{client_key(user, client_address(request))}") <= limit:
            return self.get_response(request)
        seconds = PERIOD_SECONDS - int(time()) % PERIOD_SECONDS
        message = gettext_noop("You have sent too many requests. Try again in {seconds} seconds.")
        return refusal(request, TooManyRequests(message, retry_after=seconds, seconds=seconds))


def tried_name(request: HttpRequest, credentials: dict[str, str] | None) -> str:
    """Return the name that somebody tries to sign in with, as django-axes can store it."""
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    return name.replace("\x00", "")[:MAX_NAME_LENGTH]


def lockout_response(request: HttpRequest, response: HttpResponse, credentials: object) -> HttpResponse:
    """Return what django-axes answers to an address or an account that has sent too many wrong passwords."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    message = gettext_noop("There were too many wrong passwords. Try again in {minutes} minutes.")
    return refusal(request, TooManyRequests(message, retry_after=seconds, minutes=seconds // 60))


def _limit(request: HttpRequest) -> tuple[str, int]:
    """Return the kind of a request and how many of it a client may send in a minute; 0: any number."""
    path = request.path_info
    if is_search(path) and (request.method == "POST" or RANKING_PATH.fullmatch(path)):
        return "search", settings.SEARCHES_PER_MINUTE
    if UPLOAD_PATH.fullmatch(path) and request.method == "POST":
        return "upload", settings.UPLOADS_PER_MINUTE
    if LOGIN_PATH.fullmatch(path) and request.method == "POST":
        return "login", settings.LOGINS_PER_MINUTE
    return "", 0


def _count(key: str) -> int:
    """Count one request of this minute, and return how many there were. A cache that fails counts nothing."""
    key = f"requests-{int(time()) // PERIOD_SECONDS}-{key}"
    cache.add(key, 0, timeout=2 * PERIOD_SECONDS)
    try:
        return cache.incr(key)
    except ValueError:  # the cache has dropped it, or fails
        return 1
