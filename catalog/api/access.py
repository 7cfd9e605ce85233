"""Who may call what."""

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBasicAuth, SessionAuth


class BasicAuth(HttpBasicAuth):
    """The account's name and password with every call: for programs."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Any:
        if "\x00" in username:  # PostgreSQL refuses to look for it
            return None
        user = authenticate(request, username=username, password=password)
        if user is not None:
            request.user = user
        return user


class Session(SessionAuth):
    """The site's session, held to CSRF; who is not signed in is told that, and not of tokens."""

    def __call__(self, request: HttpRequest) -> Any:
        return super().__call__(request) if request.user.is_authenticated else None


def anyone(request: HttpRequest) -> Any:
    """For everyone, unless searching needs an account here."""
    return not settings.SEARCH_REQUIRES_LOGIN


WRITERS = [BasicAuth(), Session()]
READERS = [anyone, *WRITERS]


def require(request: HttpRequest, permission: str) -> None:
    """Refuse an account without `permission`. Raises HttpError 403."""
    if not request.user.has_perm(permission):
        raise HttpError(403, f"This account lacks the right {permission}.")
