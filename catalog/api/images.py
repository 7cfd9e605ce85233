"""Images of the catalogue: read, add, delete."""

from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Field, File, Form, Query, Router, Status, UploadedFile
from ninja.errors import HttpError

from catalog.api.access import READERS, WRITERS, require
from catalog.api.narrowing import Narrowing
from catalog.api.schemas import ImageOut, OutcomeOut, PageOut, PartsOut, Problem, ResultsOut, WhyOut
from catalog.api.search import check_expand, check_stretch, marks
from catalog.exceptions import ImageSearchError
from catalog.models import Image
from catalog.services import deletion, explaining, searching, uploads
from catalog.views import faults

TagName = Annotated[str, Field(max_length=60)]

router = Router(tags=["images"], auth=READERS)


@router.get("", response={200: PageOut, (401, 404, 422, 503): Problem})
def images(
    request: HttpRequest,
    narrowing: Query[Narrowing],
    start: int = 0,
    top: int = 50,
    status: str = "",
) -> object:
    """Images, the newest first."""
    check_stretch(start, top)
    if status and status not in Image.Status.values:
        raise HttpError(422, f"status is {status!r}; it takes {', '.join(Image.Status.values)}.")
    found = narrowing.filters().images().for_cards().prefetch_related("tags")
    found = found.filter(status=status) if status else found
    return {"total": found.count(), "images": list(found[start : start + top])}


@router.post("", auth=WRITERS, response={200: list[OutcomeOut], (401, 403, 413, 422, 503, 507): Problem})
def add_images(
    request: HttpRequest,
    files: File[list[UploadedFile]],
    collection: Annotated[str, Form(max_length=120)] = "",
    tags: Form[list[TagName]] = [],  # noqa: B006 - ninja copies it
) -> object:
    """Add pictures; an outcome for each. They are searchable once a worker has described them."""
    require(request, "catalog.add_image")
    names = [name for name in map(_storable, tags) if name]
    outcomes = uploads.add_each(files, collection=_storable(collection), tags=names, user=request.user)
    return [
        {"name": one.name, "outcome": one.kind.value, "reason": _why(one.refusal), "image": one.image}
        for one in outcomes
    ]


@router.get("/{pk}", response={200: ImageOut, (401, 404, 422, 503): Problem})
def image(request: HttpRequest, pk: int) -> object:
    return get_object_or_404(Image, pk=pk)


@router.get("/{pk}/similar", response={200: ResultsOut, (401, 404, 409, 422, 503): Problem})
def similar_images(
    request: HttpRequest,
    pk: int,
    narrowing: Query[Narrowing],
    start: int = 0,
    top: int = 10,
    expand: int = 0,
    more: Query[list[int]] = [],  # noqa: B006 - ninja copies it
    less: Query[list[int]] = [],  # noqa: B006
) -> object:
    """The images most like one of the catalogue, without itself. The rest is as in a search by photo."""
    check_stretch(start, top)
    check_expand(expand)
    marked = marks(more, less)
    image, filters = get_object_or_404(Image, pk=pk), narrowing.filters()
    found = searching.like(image, filters, start=start, count=top, expand=expand, marked=marked)
    if found is None:
        raise HttpError(409, f"Image {pk} is not searchable yet.")
    return ResultsOut.of(found)


@router.get("/{pk}/why/{other}", response={200: WhyOut, (401, 404, 409, 422, 503, 507): Problem})
def why_alike(request: HttpRequest, pk: int, other: int) -> object:
    """Which parts of an image, and which of another, made the likeness of the two."""
    image, found = get_object_or_404(Image, pk=pk), get_object_or_404(Image, pk=other)
    why = searching.explain(explaining.see_image(image), found)
    return {
        "feature_space": why.space.key,
        "score": why.score,
        "photo": PartsOut.of(why.photo, reverse("image_why", args=[pk, other, "photo"])),
        "image": PartsOut.of(why.image, reverse("image_why", args=[pk, other, "image"])),
    }


@router.delete("/{pk}", auth=WRITERS, response={204: None, (401, 403, 404, 422, 503): Problem})
def delete_image(request: HttpRequest, pk: int) -> object:
    """Take an image out of the catalogue: gone from the next search on."""
    require(request, "catalog.delete_image")
    get_object_or_404(Image, pk=pk)
    deletion.delete(Image.objects.filter(pk=pk))
    return Status(204, None)


def _storable(name: str) -> str:
    return name.replace("\x00", "").strip()


def _why(refusal: ImageSearchError | None) -> str:
    return faults.sentence(refusal) if refusal else ""
