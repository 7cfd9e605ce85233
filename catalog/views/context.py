"""What every page shows."""

from django.db import DatabaseError
from django.http import HttpRequest

from catalog.services import health


def site(request: HttpRequest) -> dict[str, object]:
    """Template context: the counts of images, the sentence that warns, and whether this person may upload."""
    try:
        counts, notice = health.counts(), health.notice()
    except DatabaseError:  # the page that says so must not fail of it
        return {"counts": {}, "notice": None, "can_upload": False}
    return {"counts": counts, "notice": notice, "can_upload": request.user.has_perm("catalog.add_image")}
