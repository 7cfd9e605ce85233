"""Template variables that every page needs."""

from django.db import DatabaseError
from django.http import HttpRequest

from catalog.services.maintenance import health


def site_status(request: HttpRequest) -> dict[str, object]:
    """Return `counts` (images by status), `can_upload`, and `notice` (a warning for staff, or None).

    Only the pages of the admin show the notice, so only staff there have it computed.
    """
    try:
        counts = health.count_by_status()
        notice = health.status_message() if _is_staff_page(request) else None
    except DatabaseError:  # The page that reports this error is rendered with the same variables.
        return {"counts": {}, "notice": None, "can_upload": False}
    return {"counts": counts, "notice": notice, "can_upload": request.user.has_perm("catalog.add_image")}


def _is_staff_page(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and match.app_name == "admin" and request.user.is_staff
