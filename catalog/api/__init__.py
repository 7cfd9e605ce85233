"""The API: search, read, add and delete, described at /api/docs."""

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

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
def fault(request: HttpRequest, raised: ImageSearchError) -> HttpResponse:
    """What a person can do something about, as `{"detail": sentence}`."""
    status = next(status for kind, (status, _) in faults.STATUS.items() if isinstance(raised, kind))
    return api.create_response(request, {"detail": faults.sentence(raised)}, status=status)
