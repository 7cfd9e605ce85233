"""Who may call what."""

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBasicAuth, django_auth


class BasicAuth(HttpBasicAuth):
    """The account's name and password with every call: for programs."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Any:
        user = authenticate(request, username=username, password=password)
        if user is not None:
            request.user = user
        return user


def anyone(request: HttpRequest) -> Any:
    """For everyone, unless searching needs an account here."""
    return not settings.SEARCH_REQUIRES_LOGIN


WRITERS = [BasicAuth(), django_auth]
READERS = [anyone, *WRITERS]


def require(request: HttpRequest, permission: str) -> None:
    """Refuse an account without `permission`. Raises HttpError 403."""
    if not request.user.has_perm(permission):
        raise HttpError(403, f"This account lacks the right {permission}.")
