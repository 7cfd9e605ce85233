"""The picture that a results page searches with: a query photo or an image, whole or cropped."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import Resolver404, resolve
from django.utils import timezone

from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services.search import queries, query_photos
from catalog.services.search.queries import Query
from catalog.services.search.query_photo_files import QueryPhoto


@dataclass(frozen=True)
class QuerySource:
    """A picture to search with. Either `photo` or `image` is set.

    Attributes:
        hit_query: the parameter that links from the page of a hit to this picture.
        size: width and height in pixels, in which crops are measured.
        results_url: the results page, without parameters.
        explanation_url: the start of the URLs of overlays that explain hits.
        query: None while the image is not searchable.
    """

    hit_query: str
    label: str
    picture_url: str
    size: tuple[int, int]
    results_url: str
    explanation_url: str
    query: Query | None
    photo: QueryPhoto | None = None
    image: Image | None = None

    def excluded_image_id(self) -> int | None:
        """Return the id of the image, which is left out of its own results."""
        return self.image.pk if self.image else None

    def hours_until_deletion(self) -> int | None:
        """Return the hours until the query photo is deleted, rounded up; None if it never is."""
        expires_at = self.photo.expires_at if self.photo else None
        return max(1, math.ceil((expires_at - timezone.now()) / timedelta(hours=1))) if expires_at else None


def photo_source(token: str, crop: Box | None) -> QuerySource:
    """Return the query photo with this token. Raises QueryPhotoExpired, CropRejected."""
    photo = query_photos.get_photo(token)
    results_url = photo.get_absolute_url()
    return QuerySource(
        hit_query=f"query={token}",
        label=photo.label,
        picture_url=photo.picture_url,
        size=query_photos.picture_size(photo),
        results_url=results_url,
        explanation_url=f"{results_url}explanation/",
        query=query_photos.photo_query(photo, crop),
        photo=photo,
    )


def image_source(pk: int, crop: Box | None) -> QuerySource:
    """Return the image with this id. Raises Http404, CropRejected."""
    image = get_object_or_404(Image.objects.for_tiles(), pk=pk)
    query = queries.image_query(image)
    if query and crop:
        query = queries.image_crop_query(image, crop)
    return QuerySource(
        hit_query=f"image={pk}",
        label=image.label,
        picture_url=image.thumbnail_url,
        size=(image.width, image.height),
        results_url=image.similar_url,
        explanation_url=f"{image.get_absolute_url()}explanation/",
        query=query,
        image=image,
    )


def parse_results_url(url: str) -> tuple[str, QueryDict] | None:
    """Return the path and the parameters of a results page's URL; None for any other URL."""
    path, _separator, query = url.partition("?")
    try:
        is_results_page = resolve(path).url_name in SOURCE_LOADERS
    except Resolver404:
        is_results_page = False
    return (path, QueryDict(query, mutable=True)) if is_results_page else None


def query_source_at(path: str, crop: Box | None) -> QuerySource:
    """Return what the results page at `path` searches with. Raises as `photo_source` and `image_source`."""
    match = resolve(path)
    return SOURCE_LOADERS[str(match.url_name)](**match.kwargs, crop=crop)


SOURCE_LOADERS: dict[str, Callable[..., QuerySource]] = {"results": photo_source, "similar": image_source}
