"""Authentication and permissions of the API.

An operation names the scope that a token needs for it. Beyond that, a token may do what its account may do.
"""

from collections.abc import Callable
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import AuthenticationError, AuthorizationError, HttpError
from ninja.security import HttpBasicAuth, HttpBearer, SessionAuth

from catalog.models import ApiToken
from catalog.services.accounts import tokens
from catalog.services.accounts.actor import current_actor

Scope = ApiToken.Scope
# Where in META a request keeps whom it comes from, so that its token or password is looked at once.
TOKEN, PASSWORD_USER = "imagesearch.token", "imagesearch.password_user"


class AnyToken(HttpBearer):
    """An API token in the header `Authorization: Bearer`, whatever its scopes."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        """Raises AuthenticationError for a token that is not valid, even where no account is needed."""
        if TOKEN not in request.META:
            request.META[TOKEN] = tokens.find_valid_token(token)
        found: ApiToken | None = request.META[TOKEN]
        if found is None:
            raise AuthenticationError
        return found


class TokenAuth(AnyToken):
    """An API token that must have the scope of the operation."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        """Raises HttpError: 401 for a token that is not valid, 403 for its scope."""
        found = super().authenticate(request, token)
        _act_as(request, found.user)
        if not found.allows(self.scope):
            raise AuthorizationError(message=f"This token lacks the scope {self.scope}.")
        return found


class BasicAuth(HttpBasicAuth):
    """HTTP Basic authentication with the user name and password of an account, if BASIC_AUTH is set."""

    def __call__(self, request: HttpRequest) -> AbstractBaseUser | None:
        return super().__call__(request) if settings.BASIC_AUTH else None

    def authenticate(self, request: HttpRequest, username: str, password: str) -> AbstractBaseUser | None:
        if "\x00" in username:  # PostgreSQL cannot compare such a string.
            return None
        if PASSWORD_USER not in request.META:
            request.META[PASSWORD_USER] = authenticate(request, username=username, password=password)
        user: AbstractBaseUser | None = request.META[PASSWORD_USER]
        if user is not None:
            _act_as(request, user)
        return user


class SiteSessionAuth(SessionAuth):
    """The session of the site, with CSRF protection. Without a session the CSRF token is not checked."""

    def __call__(self, request: HttpRequest) -> object:
        return super().__call__(request) if request.user.is_authenticated else None


def anonymous_search(request: HttpRequest) -> bool:
    """Allow everyone, unless SEARCH_REQUIRES_LOGIN is set."""
    return not settings.SEARCH_REQUIRES_LOGIN


def find_account(request: HttpRequest) -> Any:
    """Return the account of the token or the password that a request of the API has sent; None if it has sent none.

    Raises AuthenticationError: the token is not valid.
    """
    token = AnyToken()(request)
    return token.user if token else BasicAuth()(request)


def account_required(scope: Scope) -> list[Callable]:
    """Authentication of an operation that needs an account, and of a token this scope."""
    return [TokenAuth(scope), BasicAuth(), SiteSessionAuth()]


def open_to_visitors(scope: Scope) -> list[Callable]:
    """Authentication of an operation that needs an account only if SEARCH_REQUIRES_LOGIN is set."""
    return [TokenAuth(scope), BasicAuth(), anonymous_search, SiteSessionAuth()]


def require_permission(request: HttpRequest, permission: str) -> None:
    """Raise HttpError 403 if the account does not have `permission`."""
    if not request.user.has_perm(permission):
        raise HttpError(403, f"This account lacks the permission {permission}.")


def acts_as_staff(request: HttpRequest) -> bool:
    """Return whether the account is staff, and its token, if it has sent one, has the scope `admin`."""
    auth = getattr(request, "auth", None)  # set by ninja
    return request.user.is_staff and (not isinstance(auth, ApiToken) or auth.allows(Scope.ADMIN))


def _act_as(request: HttpRequest, user: Any) -> None:
    request.user = user
    current_actor().user = user
