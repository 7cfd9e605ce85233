"""Saved searches: searches that users save with their photos, and what has been added since that matches."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from catalog.exceptions import ImageSearchError
from catalog.models import FeatureSpace, Image, SavedPhoto, SavedSearch, Segment
from catalog.services.search.options import SearchOptions
from catalog.services.search.query_photo_files import QueryPhoto
from catalog.services.search.ranking import calibration_for
from catalog.vectors.calibration import SimilarityLevel

MAX_NEW_HITS = 6
MAX_SAVED_SEARCHES = 200  # of one account
RECOUNT_AFTER = timedelta(minutes=1)
FEED_TOKEN = re.compile(r"[0-9a-f]{32}-([0-9]{1,15})", re.ASCII)


def save(user: User, name: str, url: str, photos: Iterable[QueryPhoto]) -> SavedSearch:
    """Save the search at `url` with copies of its photos. Present images do not count as new results.

    Raises:
        ImageSearchError: the account has saved as many searches as it may, or the photos of all saved searches take as
            much room as they may.
    """
    if user.saved_searches.count() >= MAX_SAVED_SEARCHES:
        raise ImageSearchError(
            "You have saved {count} searches, and no more are kept. Delete one of them first.", count=MAX_SAVED_SEARCHES
        )
    if _stored_bytes() > settings.MAX_QUERY_PHOTO_BYTES:
        raise ImageSearchError(
            "The photos of all saved searches take all the room that they may. Delete a saved search first."
        )
    with transaction.atomic():
        search = SavedSearch.objects.create(
            user=user, name=name, url=url, last_seen_image_id=newest_image_id(), counted_at=timezone.now()
        )
        SavedPhoto.objects.bulk_create(
            SavedPhoto(
                search=search,
                token=photo.token,
                label=photo.label,
                picture=photo.picture,
                space_key=photo.space_key,
                descriptor=photo.descriptor,
            )
            for photo in {photo.token: photo for photo in photos}.values()
        )
    return search


def mark_seen(search: SavedSearch) -> None:
    """Record that the owner has seen all present images: from now on only later ones are new results."""
    search.last_seen_image_id = newest_image_id()
    search.new_count, search.counted_at = 0, timezone.now()
    search.save(update_fields=["last_seen_image_id", "new_count", "counted_at"])


def rename(search: SavedSearch, name: str) -> None:
    """Give a saved search another name."""
    search.name = name
    search.save(update_fields=["name"])


def record_new_count(search: SavedSearch, count: int) -> None:
    """Remember how many new matches a search has, for the pages that show the number without searching."""
    SavedSearch.objects.filter(pk=search.pk).update(new_count=count, counted_at=timezone.now())


def new_match_count(user: User) -> int:
    """Return how many new matches the saved searches of an account had when they were last counted."""
    return user.saved_searches.aggregate(total=Sum("new_count"))["total"] or 0


def outdated_counts(user: User) -> QuerySet[SavedSearch]:
    """Return the saved searches of an account whose matches may be others than when they were last counted.

    They are counted again if images became searchable since, or shortly before: a segment is stored before its images
    can be found. While many images are added, they are counted once in RECOUNT_AFTER.
    """
    indexed_at = Segment.objects.aggregate(last=Max("created_at"))["last"]
    if indexed_at is None:
        return user.saved_searches.none()
    counted_before = min(indexed_at + RECOUNT_AFTER, timezone.now() - RECOUNT_AFTER)
    outdated = user.saved_searches.filter(Q(counted_at=None) | Q(counted_at__lt=counted_before))
    return outdated.order_by(F("counted_at").asc(nulls_first=True))


def feed_token(search: SavedSearch) -> str:
    """Return the secret by which programs read the new matches of a search. It changes with the owner's password."""
    digest = salted_hmac("catalog.saved-search-feed", f"{search.pk} {search.user.password}", algorithm="sha256")
    return f"{digest.hexdigest()[:32]}-{search.pk}"


def find_by_feed_token(token: str) -> SavedSearch | None:
    """Return the saved search with this token; None if there is none, or its owner may not sign in."""
    match = FEED_TOKEN.fullmatch(token)
    if match is None:
        return None
    search = SavedSearch.objects.select_related("user").filter(pk=int(match[1]), user__is_active=True).first()
    return search if search and constant_time_compare(feed_token(search), token) else None


def newest_image_id() -> int:
    """Return the id of the searchable image that was added last; 0 if there is none."""
    return Image.objects.indexed().order_by("-pk").values_list("pk", flat=True).first() or 0


def has_newer_images(search: SavedSearch) -> bool:
    """Return whether there are images since the owner last saw the results: without, there is nothing to search."""
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


def _stored_bytes() -> int:
    """Return the size of the pictures of all saved searches. The database knows it without reading them."""
    return SavedPhoto.objects.aggregate(total=Sum(Length("picture")))["total"] or 0


def _min_similar_score(space: FeatureSpace) -> float:
    """Return the lowest score of `SimilarityLevel.SIMILAR`; 0 where scores are not calibrated."""
    calibration = calibration_for(space)
    return calibration.min_score(SimilarityLevel.SIMILAR) if calibration else 0.0
