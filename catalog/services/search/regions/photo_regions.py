"""The regions of a query photo that its results page offers."""

from django.core.cache import cache

from catalog.services.index import spaces
from catalog.services.monitoring import process_metrics
from catalog.services.search.query_photo_files import QueryPhoto
from catalog.services.search.query_photos import STORED_LIMITS
from catalog.services.search.regions.proposals import has_regions, propose_regions

CACHE_SECONDS = 3600


def photo_regions(photo: QueryPhoto) -> list[list[int]]:
    """Return the regions of a photo that the catalogue knows better than the whole photo, the most likely first.

    Returns:
        Of each its left, top, width and height in pixels of the stored picture, as crops are measured.

    Raises:
        PictureRejected, NoIndexedImages, WeightsUnavailable, Overloaded, IndexUnavailable, CatalogueBusy: as
            `propose_regions`.
    """
    space = spaces.active_space()
    if space is None or not has_regions(space):
        return []
    key = f"regions-{photo.token}-{space.key}"
    cached = cache.get(key)
    process_metrics.count_cache_lookup("regions", is_hit=cached is not None)
    if cached is not None:
        return list(cached)
    proposals = propose_regions(photo.picture, limits=STORED_LIMITS)
    known_better = [region for region in proposals.regions if region.score > proposals.whole_score]
    regions = [[region.box.x, region.box.y, region.box.width, region.box.height] for region in known_better]
    cache.set(key, regions, CACHE_SECONDS)
    return regions
