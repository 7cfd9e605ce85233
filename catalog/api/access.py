"""Authentication and permissions of the API."""

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBasicAuth, SessionAuth


class BasicAuth(HttpBasicAuth):
    """HTTP Basic authentication with the user name and password of an account."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> AbstractBaseUser | None:
        if "\x00" in username:  # PostgreSQL cannot compare such a string.
            return None
        user = authenticate(request, username=username, password=password)
        if user is not None:
            request.user = user
        return user


class SiteSessionAuth(SessionAuth):
    """The session of the site, with CSRF protection. Without a session the CSRF token is not checked."""

    def __call__(self, request: HttpRequest) -> object:
        return super().__call__(request) if request.user.is_authenticated else None


def anonymous_search(request: HttpRequest) -> bool:
    """Allow everyone, unless SEARCH_REQUIRES_LOGIN is set."""
    return not settings.SEARCH_REQUIRES_LOGIN


WRITE_AUTH = [BasicAuth(), SiteSessionAuth()]
READ_AUTH = [anonymous_search, *WRITE_AUTH]


def require_permission(request: HttpRequest, permission: str) -> None:
    """Raise HttpError 403 if the account does not have `permission`."""
    if not request.user.has_perm(permission):
        raise HttpError(403, f"This account lacks the permission {permission}.")
