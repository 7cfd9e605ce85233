"""Searches that people keep, with their photos."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from catalog.models import Image, QueryPhoto, SavedSearch
from catalog.services import queries


def keep(user: User, name: str, address: str, photos: Iterable[QueryPhoto]) -> SavedSearch:
    """Keep a search. Its photos do not expire as long; what there is by now is not new to its owner."""
    with transaction.atomic():
        search = SavedSearch.objects.create(user=user, name=name, address=address, seen_up_to=newest())
        search.photos.set(photos)
        search.photos.update(expires_at=None)
    return search


def forget(search: SavedSearch) -> None:
    """Delete a search. Photos that no other one keeps expire in their time."""
    with transaction.atomic():
        photos = list(search.photos.values_list("pk", flat=True))
        search.delete()
        QueryPhoto.objects.filter(pk__in=photos, saved_searches=None).update(expires_at=queries.later())


def mark_seen(search: SavedSearch) -> None:
    """All that there is by now is not new any more."""
    search.seen_up_to = newest()
    search.save(update_fields=["seen_up_to"])


def newest() -> int:
    """The number of the latest image; 0 where there is none."""
    return Image.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
