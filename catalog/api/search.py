"""Operations: search by photo, and the health of the catalogue."""

from typing import Annotated

from django.http import HttpRequest
from ninja import File, Form, Router, UploadedFile
from ninja.errors import HttpError

from catalog.api.access import Scope, acts_as_staff, open_to_visitors
from catalog.api.filter_params import FilterParams
from catalog.api.schemas import ErrorOut, HealthOut, ResultsOut, errors
from catalog.imaging import crops
from catalog.models import Image
from catalog.services.index import spaces
from catalog.services.maintenance import health
from catalog.services.media.upload_limits import read_picture
from catalog.services.search import queries, ranking
from catalog.services.search.feedback import MAX_EXPANSION_IMAGES, MAX_FEEDBACK_IMAGES, Feedback
from catalog.services.search.options import SearchOptions
from catalog.services.search.regions.proposals import propose_regions

router = Router(tags=["search"])

MAX_RESULTS = 200
MAX_START = 2**31 - 1

TOP_TEXT = f"How many results to return, from 1 to {MAX_RESULTS}."
START_TEXT = "How many of the best results to skip."
EXPAND_TEXT = (
    f"How many of the best images to add to the query, from 0 to {MAX_EXPANSION_IMAGES}. The catalogue is then ranked "
    "again, which finds more images of the same kind."
)
MORE_TEXT = f"Ids of images that the results should resemble more; with `less`, at most {MAX_FEEDBACK_IMAGES}."
LESS_TEXT = f"Ids of images that the results should resemble less; with `more`, at most {MAX_FEEDBACK_IMAGES}."
REGIONS_TEXT = (
    "Look for the parts of the photo that the catalogue knows best, and search with the best of them if it is known "
    "better than the whole photo. Not with `crop`."
)


@router.post(
    "/search",
    summary="Search by photo",
    auth=open_to_visitors(Scope.SEARCH),
    response={200: ResultsOut, errors(404, 409, 413, 507): ErrorOut},
)
def search_by_photo(
    request: HttpRequest,
    photo: Annotated[UploadedFile, File(description="The photo to search with.")],
    filter_params: Form[FilterParams],
    top: Annotated[int, Form(description=TOP_TEXT)] = 10,
    start: Annotated[int, Form(description=START_TEXT)] = 0,
    crop: Annotated[
        str, Form(description="Search with this area only: `x,y,width,height` in pixels of the upright photo.")
    ] = "",
    expand: Annotated[int, Form(description=EXPAND_TEXT)] = 0,
    more: Annotated[list[int], Form(description=MORE_TEXT)] = [],  # noqa: B006 - ninja copies it
    less: Annotated[list[int], Form(description=LESS_TEXT)] = [],  # noqa: B006 - ninja copies it
    regions: Annotated[bool, Form(description=REGIONS_TEXT)] = False,
) -> object:
    """Return the images that are most similar to a photo, best first. The photo is not stored.

    With `expand`, `more` or `less`, scores refer to the changed query and have no similarity level. `more` and `less`
    move the query towards or away from the given images (Rocchio's relevance feedback).
    """
    check_range(start, top)
    check_expand(expand)
    feedback = parse_feedback(more, less)
    crop_box = crops.parse_box(crop) if crop else None
    if regions and crop_box:
        raise HttpError(422, "regions and crop cannot be combined: a crop says already what is meant.")
    options = SearchOptions(
        filters=filter_params.filters(), start=start, limit=top, expansion=expand, feedback=feedback
    )
    data = read_picture(photo)
    proposals = propose_regions(data, options) if regions else None
    query = proposals.query if proposals else queries.extract_query(data, crop_box)
    return ResultsOut.from_results(ranking.search(query, options), proposals)


@router.get(
    "/health",
    summary="Get the health of the catalogue",
    auth=open_to_visitors(Scope.READ),
    response={200: HealthOut, errors(): ErrorOut},
)
def get_health(request: HttpRequest) -> object:
    """Return the number of images by status, the active feature space and, to staff, a warning if there is one."""
    space = spaces.active_space()
    return {
        **health.count_by_status(),
        "feature_space": space.key if space else None,
        "notice": health.status_message() if acts_as_staff(request) else None,
    }


def parse_feedback(positive_ids: list[int], negative_ids: list[int]) -> Feedback:
    """Raises HttpError: 404 for an image that does not exist, 422 for too many images."""
    image_ids = {*positive_ids, *negative_ids}
    if len(image_ids) > MAX_FEEDBACK_IMAGES:
        raise HttpError(
            422,
            f"more and less contain {len(image_ids)} images. Use at most {MAX_FEEDBACK_IMAGES}.",
        )
    existing_ids = set(
        Image.objects.filter(pk__in=[pk for pk in image_ids if 0 < pk < 2**63]).values_list("pk", flat=True)
    )
    if missing := sorted(image_ids - existing_ids):
        raise HttpError(404, f"There is no image {missing[0]}.")
    return Feedback(tuple(dict.fromkeys(positive_ids)), tuple(dict.fromkeys(negative_ids)))


def check_range(start: int, top: int) -> None:
    """Raise HttpError 422 if `start` or `top` is out of range."""
    if not 1 <= top <= MAX_RESULTS:
        raise HttpError(422, f"top must be between 1 and {MAX_RESULTS}, not {top}.")
    if not 0 <= start <= MAX_START:
        raise HttpError(422, f"start must be between 0 and {MAX_START}, not {start}.")


def check_expand(count: int) -> None:
    """Raise HttpError 422 if `expand` is out of range."""
    if not 0 <= count <= MAX_EXPANSION_IMAGES:
        raise HttpError(422, f"expand must be between 0 and {MAX_EXPANSION_IMAGES}, not {count}.")
