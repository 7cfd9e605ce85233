"""How many query photos are kept, of one owner and of all. An owner is an account or a visitor's address."""

from django.conf import settings
from django.db.models import Sum

from catalog.exceptions import Overloaded, gettext_noop
from catalog.models import QueryPhoto
from catalog.services.accounts.clients import VISITOR_PREFIX

# Room for the next picture: noise of 1024 × 1024 pixels as WebP.
LARGEST_PICTURE_BYTES = 1_000_000
RETRY_AFTER = 600  # seconds


def make_room(owner: str) -> None:
    """Delete the oldest photos of `owner`, or of visitors, so that one more fits. Saved searches keep their photos.

    Raises:
        Overloaded: the photos of accounts and saved searches take all the room.
    """
    unsaved = QueryPhoto.objects.filter(expires_at__isnull=False).order_by("expires_at", "pk")
    own = list(unsaved.filter(owner=owner).values_list("pk", flat=True))
    _delete(own[: max(0, len(own) + 1 - settings.MAX_QUERY_PHOTOS)])
    stored_bytes = QueryPhoto.objects.aggregate(total=Sum("picture_bytes"))["total"] or 0
    excess = stored_bytes + LARGEST_PICTURE_BYTES - settings.MAX_QUERY_PHOTO_BYTES
    if excess <= 0:
        return
    oldest = []
    visitors = unsaved.filter(owner__startswith=VISITOR_PREFIX).values_list("pk", "picture_bytes")
    for pk, picture_bytes in visitors.iterator():
        oldest.append(pk)
        excess -= picture_bytes
        if excess <= 0:
            break
    _delete(oldest)
    if excess > 0:
        message = gettext_noop("The site keeps no more query photos at the moment. Try again later.")
        raise Overloaded(message, retry_after=RETRY_AFTER)


def _delete(pks: list[int]) -> None:
    QueryPhoto.objects.filter(pk__in=pks).delete()
