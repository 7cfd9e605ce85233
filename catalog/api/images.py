"""Operations on images: list, get, compare, add and delete."""

from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from ninja import Field, File, Form, Path, Query, Router, Status, UploadedFile
from ninja.errors import HttpError

from catalog.api.access import Scope, account_required, open_to_visitors, require_permission
from catalog.api.filter_params import FilterParams
from catalog.api.schemas import (
    ContributionsOut,
    ErrorOut,
    ExplanationOut,
    FileResultOut,
    ImageOut,
    ImagePageOut,
    ResultsOut,
    errors,
)
from catalog.api.search import (
    EXPAND_TEXT,
    LESS_TEXT,
    MORE_TEXT,
    START_TEXT,
    TOP_TEXT,
    check_expand,
    check_range,
    parse_feedback,
)
from catalog.error_messages import error_message
from catalog.forms import MAX_NEW_TAGS
from catalog.models import Image
from catalog.services.ingest import uploads
from catalog.services.media import deletion
from catalog.services.search import explanations, ranking
from catalog.services.search.options import SearchOptions

ImageId = Annotated[int, Path(description="The id of an image.")]
OtherImageId = Annotated[int, Path(description="The id of the image to compare with.")]
TagName = Annotated[str, Field(max_length=60)]

router = Router(tags=["images"])


@router.get(
    "",
    summary="List images",
    auth=open_to_visitors(Scope.READ),
    response={200: ImagePageOut, errors(404): ErrorOut},
)
def list_images(
    request: HttpRequest,
    filter_params: Query[FilterParams],
    start: Annotated[int, Query(description="How many of the newest images to skip.")] = 0,
    top: Annotated[int, Query(description=TOP_TEXT.replace("results", "images"))] = 50,
    status: Annotated[str, Query(description=f"Only images of this status: {', '.join(Image.Status.values)}.")] = "",
) -> object:
    """Return images of the catalogue, newest first."""
    check_range(start, top)
    if status and status not in Image.Status.values:
        raise HttpError(422, f"Unknown status {status!r}. Use one of {', '.join(Image.Status.values)}.")
    queryset = filter_params.filters().images().for_tiles().prefetch_related("tags")
    queryset = queryset.filter(status=status) if status else queryset
    return {"total": queryset.count(), "images": list(queryset[start : start + top])}


@router.post(
    "",
    summary="Add images",
    auth=account_required(Scope.WRITE),
    response={200: list[FileResultOut], errors(413, 507): ErrorOut},
)
def add_images(
    request: HttpRequest,
    files: Annotated[list[UploadedFile], File(description="The picture files to add.")],
    collection: Annotated[
        str, Form(max_length=120, description="The name of a collection for the new images. It is created if needed.")
    ] = "",
    tags: Annotated[
        list[TagName], Form(description="Names of tags for the new images. They are created if needed.")
    ] = [],  # noqa: B006 - ninja copies it
) -> object:
    """Add picture files to the catalogue, and return a result for each. A worker then indexes the new images.

    The account needs the permission `catalog.add_image`.
    """
    require_permission(request, "catalog.add_image")
    names = list(dict.fromkeys(name for name in map(_clean_name, tags) if name))
    if len(names) > MAX_NEW_TAGS:
        raise HttpError(422, f"tags: {len(names)} tags. Use at most {MAX_NEW_TAGS}.")
    results = uploads.add_uploaded_files(files, collection=_clean_name(collection), tags=names, user=request.user)
    return [
        {
            "name": result.name,
            "outcome": result.outcome.value,
            "reason": error_message(result.error) if result.error else "",
            "image": result.image,
        }
        for result in results
    ]


@router.get(
    "/{pk}",
    summary="Get an image",
    auth=open_to_visitors(Scope.READ),
    response={200: ImageOut, errors(404): ErrorOut},
)
def get_image(request: HttpRequest, pk: ImageId) -> object:
    """Return one image."""
    return get_object_or_404(Image, pk=pk)


@router.get(
    "/{pk}/similar",
    summary="Find images similar to an image",
    auth=open_to_visitors(Scope.SEARCH),
    response={200: ResultsOut, errors(404, 409): ErrorOut},
)
def search_similar_images(
    request: HttpRequest,
    pk: ImageId,
    filter_params: Query[FilterParams],
    start: Annotated[int, Query(description=START_TEXT)] = 0,
    top: Annotated[int, Query(description=TOP_TEXT)] = 10,
    expand: Annotated[int, Query(description=EXPAND_TEXT)] = 0,
    more: Annotated[list[int], Query(description=MORE_TEXT)] = [],  # noqa: B006 - ninja copies it
    less: Annotated[list[int], Query(description=LESS_TEXT)] = [],  # noqa: B006 - ninja copies it
) -> object:
    """Return the images that are most similar to an image of the catalogue, without the image itself.

    The parameters have the same meaning as in a search by photo.
    """
    check_range(start, top)
    check_expand(expand)
    feedback = parse_feedback(more, less)
    image, filters = get_object_or_404(Image, pk=pk), filter_params.filters()
    options = SearchOptions(filters=filters, start=start, limit=top, expansion=expand, feedback=feedback)
    results = ranking.search_similar(image, options)
    if results is None:
        raise HttpError(409, f"Image {pk} is not searchable yet.")
    return ResultsOut.from_results(results)


@router.get(
    "/{pk}/why/{other}",
    summary="Explain the similarity of two images",
    auth=open_to_visitors(Scope.SEARCH),
    response={200: ExplanationOut, errors(404, 409, 507): ErrorOut},
)
def explain_similarity(request: HttpRequest, pk: ImageId, other: OtherImageId) -> object:
    """Return how much each area of two images contributes to their score."""
    image, other_image = get_object_or_404(Image, pk=pk), get_object_or_404(Image, pk=other)
    explanation = explanations.explain(explanations.compute_image_activations(image), other_image)
    return {
        "feature_space": explanation.space.key,
        "score": explanation.score,
        "photo": ContributionsOut.from_contributions(
            explanation.photo, reverse("image_explanation", args=[pk, other, "photo"])
        ),
        "image": ContributionsOut.from_contributions(
            explanation.image, reverse("image_explanation", args=[pk, other, "image"])
        ),
    }


@router.delete(
    "/{pk}",
    summary="Delete an image",
    auth=account_required(Scope.WRITE),
    response={204: None, errors(404): ErrorOut},
)
def delete_image(request: HttpRequest, pk: ImageId) -> object:
    """Delete an image. From now on no search finds it.

    The account needs the permission `catalog.delete_image`.
    """
    require_permission(request, "catalog.delete_image")
    get_object_or_404(Image, pk=pk)
    deletion.delete(Image.objects.filter(pk=pk))
    return Status(204, None)


def _clean_name(name: str) -> str:
    return name.replace("\x00", "").strip()
