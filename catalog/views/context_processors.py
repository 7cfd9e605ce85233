"""Template variables that every page needs."""

from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from catalog.services.accounts.actor import current_actor
from catalog.services.maintenance import health
from catalog.views.saved_searches import new_matches_badge


def site_status(request: HttpRequest) -> dict[str, object]:
    """Return what every page shows.

    These are `counts` (images by status), `can_upload`, `new_matches` (a function: only pages with a header call it),
    `request_id` and `notice` (a warning for staff, or None).

    Only the pages of the admin show the notice, so only staff there have it computed. Those who may not search see no
    counts either.
    """
    request_id = current_actor().request_id
    try:
        may_search = not settings.SEARCH_REQUIRES_LOGIN or request.user.is_authenticated
        counts = health.count_by_status() if may_search else {}
        notice = health.status_message() if _is_staff_page(request) else None
    except DatabaseError:  # The page that reports this error is rendered with the same variables.
        return {"counts": {}, "notice": None, "can_upload": False, "request_id": request_id}
    can_upload = request.user.has_perm("catalog.add_image")
    return {
        "counts": counts,
        "notice": notice,
        "can_upload": can_upload,
        "new_matches": partial(new_matches_badge, request),
        "request_id": request_id,
    }


def _is_staff_page(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.app_name == "admin" and request.user.is_staff
