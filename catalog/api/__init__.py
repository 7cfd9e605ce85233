"""The API: search, read, add and delete, described at /api/docs."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError

from catalog.api.images import router as images
from catalog.api.search import router as search
from catalog.exceptions import ImageSearchError
from catalog.views import faults

api = NinjaAPI(
    title="imagesearch",
    version="1",
    description="Search a catalogue of pictures with a photo. "
    "Writing needs an account: HTTP Basic, or the site's session.",
)
api.add_router("", search)
api.add_router("/images", images)


@api.exception_handler(ImageSearchError)
@api.exception_handler(OperationalError)
@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFilesSent)
@api.exception_handler(TooManyFieldsSent)
def fault(request: HttpRequest, raised: Exception) -> HttpResponse:
    """What a person can do something about, as `{"detail": sentence}`."""
    status, _, sentence = faults.explanation(raised) or (500, "", str(raised))
    return api.create_response(request, {"detail": sentence}, status=status)


@api.exception_handler(ValidationError)
def bad_argument(request: HttpRequest, raised: ValidationError) -> HttpResponse:
    """Which argument is wrong and why, as one sentence."""
    told = "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in raised.errors)
    return api.create_response(request, {"detail": f"{told}."}, status=422)
