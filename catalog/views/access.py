"""Who may see what."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from catalog.views.faults import wants_json

View = Callable[..., HttpResponseBase]


def searcher(view: View) -> View:
    """For everyone, unless searching needs an account here."""

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return (login_required(view) if settings.SEARCH_REQUIRES_LOGIN else view)(request, *args, **kwargs)

    return checked


def uploader(view: View) -> View:
    """For accounts with the right to add images; others are asked to sign in, or told that they may not."""
    permitted = permission_required("catalog.add_image", raise_exception=True)(view)

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return permitted(request, *args, **kwargs)
        if wants_json(request):
            return JsonResponse({"error": _("You are signed out. Sign in again to upload.")}, status=403)
        return redirect_to_login(request.get_full_path())

    return checked
