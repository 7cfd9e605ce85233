"""What a results page searches with: a photo, or an image of the catalogue, whole or in part."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.urls import Resolver404, resolve

from catalog.imaging.crops import Box
from catalog.models import Image, QueryPhoto
from catalog.services import parts, queries, searching
from catalog.services.searching import Query


@dataclass(frozen=True)
class Sought:
    """A picture that is searched with.

    Attributes:
        name: how the page of a hit is told of it.
        size: width and height that crops are measured in.
        why: where the overlays are that explain its hits.
        query: None: the image is not searchable yet.
    """

    name: str
    label: str
    picture_url: str
    size: tuple[int, int]
    address: str
    why: str
    query: Query | None
    photo: QueryPhoto | None = None
    image: Image | None = None

    def without(self) -> int | None:
        """The image that its own likes are shown without."""
        return self.image.pk if self.image else None


def photo_sought(token: str, box: Box | None) -> Sought:
    """A kept photo. Raises QueryGone, CropRefused."""
    photo = queries.find(token)
    query = parts.of_photo(photo, box) if box else queries.descriptor_of(photo)
    address = photo.get_absolute_url()
    name, why = f"query={token}", f"{address}why/"
    return Sought(name, photo.label, photo.picture_url, photo.size(), address, why, query, photo=photo)


def image_sought(pk: int, box: Box | None) -> Sought:
    """An image of the catalogue. Raises Http404, CropRefused."""
    image = get_object_or_404(Image.objects.for_cards(), pk=pk)
    query = searching.descriptor_of(image)
    if query and box:
        query = parts.of_image(image, box)
    name, why, size = f"like={pk}", f"{image.get_absolute_url()}why/", (image.width, image.height)
    return Sought(name, image.label, image.thumbnail_url, size, image.similar_url, why, query, image=image)


def results_page(address: str) -> tuple[str, QueryDict] | None:
    """The path and query of a results page's address; None for any other."""
    path, _mark, query = address.partition("?")
    try:
        known = resolve(path).url_name in SOUGHT
    except Resolver404:
        known = False
    return (path, QueryDict(query, mutable=True)) if known else None


def sought_at(path: str, box: Box | None) -> Sought:
    """What the results page at a path searches with. Raises as `photo_sought` and `image_sought`."""
    match = resolve(path)
    return SOUGHT[str(match.url_name)](**match.kwargs, box=box)


SOUGHT: dict[str, Callable[..., Sought]] = {"results": photo_sought, "similar": image_sought}
