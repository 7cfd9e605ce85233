"""Searching, and how the catalogue stands."""

from django.http import HttpRequest
from ninja import File, Form, Router, UploadedFile
from ninja.errors import HttpError

from catalog.api.access import READERS
from catalog.api.narrowing import Narrowing
from catalog.api.schemas import HealthOut, Problem, ResultsOut
from catalog.imaging import crops
from catalog.models import Image
from catalog.services import health, searching, spaces
from catalog.services.limits import read_picture
from catalog.services.refining import MOST_EXPANDED, MOST_MARKED, Marked

router = Router(tags=["search"], auth=READERS)

MOST = 200


@router.post("/search", response={200: ResultsOut, (401, 404, 409, 413, 422, 503, 507): Problem})
def search_by_photo(
    request: HttpRequest,
    photo: File[UploadedFile],
    narrowing: Form[Narrowing],
    top: Form[int] = 10,
    start: Form[int] = 0,
    crop: Form[str] = "",
    expand: Form[int] = 0,
    more: Form[list[int]] = [],  # noqa: B006 - ninja copies it
    less: Form[list[int]] = [],  # noqa: B006
) -> object:
    """The images most like a photo, best first. `crop` is `x,y,width,height` in pixels of the upright photo.

    With `expand` so many of the best images are added to the photo and the catalogue is ranked again, which finds more
    of its kind; `more` and `less` are ids of images that more, and less, is wanted of (Rocchio). Scores are then those
    of the mixture, and come without a word. The photo is not kept.
    """
    check_stretch(start, top)
    check_expand(expand)
    marked = marks(more, less)
    box = crops.parse(crop) if crop else None
    query = searching.describe(read_picture(photo), box)
    return ResultsOut.of(
        searching.search(query, narrowing.filters(), start=start, count=top, expand=expand, marked=marked)
    )


@router.get("/health", response={200: HealthOut, (401, 503): Problem})
def how_it_stands(request: HttpRequest) -> object:
    """Counts of images by status, the feature space, and what is worth knowing."""
    generation = spaces.active()
    space = generation.space.key if generation else None
    return {**health.counts(), "feature_space": space, "notice": health.notice()}


def marks(more: list[int], less: list[int]) -> Marked:
    """What more and less is wanted of. Raises HttpError 404 for an image that is not there, 422 for too many."""
    wanted = {*more, *less}
    if len(wanted) > MOST_MARKED:
        raise HttpError(422, f"{len(wanted)} images are marked; it takes {MOST_MARKED} at most.")
    there = set(Image.objects.filter(pk__in=[pk for pk in wanted if 0 < pk < 2**63]).values_list("pk", flat=True))
    if missing := sorted(wanted - there):
        raise HttpError(404, f"There is no image {missing[0]}.")
    return Marked(tuple(more), tuple(less))


def check_stretch(start: int, top: int) -> None:
    """Refuse a stretch of a ranking that cannot be given. Raises HttpError 422."""
    if not 1 <= top <= MOST:
        raise HttpError(422, f"top is {top}; it takes 1 to {MOST}.")
    if not 0 <= start < 2**31:
        raise HttpError(422, f"start is {start}; it takes 0 or more.")


def check_expand(count: int) -> None:
    """Refuse an expansion that cannot be. Raises HttpError 422."""
    if not 0 <= count <= MOST_EXPANDED:
        raise HttpError(422, f"expand is {count}; it takes 0 to {MOST_EXPANDED}.")
