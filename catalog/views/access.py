"""Decorators that decide who may open a page."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from catalog.views.errors import wants_json

View = Callable[..., HttpResponseBase]


def search_access_required(view: View) -> View:
    """Require a signed-in user if SEARCH_REQUIRES_LOGIN is set; otherwise open the page to everyone."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return (login_required(view) if settings.SEARCH_REQUIRES_LOGIN else view)(request, *args, **kwargs)

    return wrapper


def upload_access_required(view: View) -> View:
    """Require the permission to add images. Anonymous visitors are sent to the login page; others get status 403."""
    permitted_view = permission_required("catalog.add_image", raise_exception=True)(view)

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return permitted_view(request, *args, **kwargs)
        if wants_json(request):
            return JsonResponse({"error": _("You are signed out. Sign in again to upload.")}, status=403)
        return redirect_to_login(request.get_full_path())

    return wrapper
