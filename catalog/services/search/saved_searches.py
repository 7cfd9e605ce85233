"""Saved searches: searches that users save with their photos, and what has been added since that matches."""

from collections.abc import Iterable
from dataclasses import replace

from django.contrib.auth.models import User
from django.db import transaction

from catalog.exceptions import ImageSearchError
from catalog.models import FeatureSpace, Image, QueryPhoto, SavedSearch
from catalog.services.search import query_photos
from catalog.services.search.options import SearchOptions
from catalog.services.search.ranking import calibration_for
from catalog.vectors.calibration import SimilarityLevel

MAX_NEW_HITS = 6
MAX_SAVED_SEARCHES = 200  # of one account


def save(user: User, name: str, url: str, photos: Iterable[QueryPhoto]) -> SavedSearch:
    """Save the search at `url`. Its photos no longer expire, and present images do not count as new results.

    Raises:
        ImageSearchError: the account has saved as many searches as it may.
    """
    if user.saved_searches.count() >= MAX_SAVED_SEARCHES:
        raise ImageSearchError(
            "You have saved {count} searches, and no more are kept. Delete one of them first.", count=MAX_SAVED_SEARCHES
        )
    with transaction.atomic():
        search = SavedSearch.objects.create(user=user, name=name, url=url, last_seen_image_id=newest_image_id())
        search.photos.set(photos)
        search.photos.update(expires_at=None)
    return search


def delete(search: SavedSearch) -> None:
    """Delete a saved search. Photos that no other saved search uses expire again."""
    with transaction.atomic():
        photo_ids = list(search.photos.values_list("pk", flat=True))
        search.delete()
        QueryPhoto.objects.filter(pk__in=photo_ids, saved_searches=None).update(
            expires_at=query_photos.default_expiry()
        )


def mark_seen(search: SavedSearch) -> None:
    """Record that the owner has seen all present images: from now on only later ones are new results."""
    search.last_seen_image_id = newest_image_id()
    search.save(update_fields=["last_seen_image_id"])


def newest_image_id() -> int:
    """Return the id of the image that was added last; 0 if there is none."""
    return Image.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def has_newer_images(search: SavedSearch) -> bool:
    """Return whether an image was added since the owner last saw the results: without, there is nothing to search."""
    return newest_image_id() > search.last_seen_image_id


def new_results_options(search: SavedSearch, options: SearchOptions, space: FeatureSpace) -> SearchOptions:
    """Restrict a saved search to similar images that were added since its owner last saw its results.

    Args:
        options: those of the saved search.
        space: the feature space of its query.
    """
    return replace(
        options,
        filters=replace(options.filters, after_id=search.last_seen_image_id),
        min_score=max(options.min_score or 0.0, _min_similar_score(space)),
        limit=MAX_NEW_HITS,
    )


def _min_similar_score(space: FeatureSpace) -> float:
    """Return the lowest score of `SimilarityLevel.SIMILAR`; 0 where scores are not calibrated."""
    calibration = calibration_for(space)
    return calibration.min_score(SimilarityLevel.SIMILAR) if calibration else 0.0
