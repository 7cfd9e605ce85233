"""The HTTP status, title and message of an exception, in the language of the person who reads them."""

import logging
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog import database_errors
from catalog.exceptions import (
    CatalogueBusy,
    CropRejected,
    ImageGone,
    ImageSearchError,
    IndexUnavailable,
    Internal,
    Message,
    MetadataNotRemovable,
    NoIndexedImages,
    Overloaded,
    PictureRejected,
    QueryPhotoExpired,
    SegmentDamaged,
    StoreUnavailable,
    TooManyRequests,
    WeightsUnavailable,
)

logger = logging.getLogger(__name__)

# At least two parts: between quotes, or without spaces and not after a scheme or a host name.
ABSOLUTE_PATH = re.compile(r"(?<=')(?:/[^/']+){2,}/?(?=')|(?<![\w:/.])(?:/[^\s/'\",:;]+){2,}/?")

# Seconds after which a client should repeat a request that was answered with 503, where the error does not say.
RETRY_AFTER = 30

# The first class that an exception is an instance of decides.
STATUS_AND_TITLE: dict[type[ImageSearchError], tuple[int, str]] = {
    QueryPhotoExpired: (410, gettext_noop("This search has expired")),
    ImageGone: (410, gettext_noop("This image is gone")),
    MetadataNotRemovable: (403, gettext_noop("This file is not public")),
    NoIndexedImages: (409, gettext_noop("No images to search yet")),
    PictureRejected: (422, gettext_noop("This file can't be used")),
    CropRejected: (422, gettext_noop("The selected area is not valid")),
    TooManyRequests: (429, gettext_noop("Too many requests")),
    Overloaded: (503, gettext_noop("The site is busy")),
    CatalogueBusy: (503, gettext_noop("The catalogue is busy")),
    SegmentDamaged: (503, gettext_noop("Part of the index is damaged")),
    IndexUnavailable: (503, gettext_noop("The search index is not available")),
    StoreUnavailable: (507, gettext_noop("The storage is not available")),
    WeightsUnavailable: (503, gettext_noop("The model weights are missing")),
    ImageSearchError: (400, gettext_noop("The request could not be completed")),
}


class NotFoundWithMessage(Http404):
    """A page that does not exist, with a translated message that says why."""


class ErrorDescription(NamedTuple):
    """How an error is reported: its HTTP status, a translated title and message, and headers of the response."""

    status: int
    title: str
    message: str
    headers: dict[str, str]


def error_message(error: ImageSearchError) -> str:
    """Return the message of an error in the active language, for visitors: without what is internal."""
    return _translated(error.message, error.params, _visible_to_visitors)


def staff_message(error: ImageSearchError) -> str:
    """Return the whole message of an error in the active language."""
    return _translated(error.message, error.params, lambda value: value)


def hide_folders(text: str) -> str:
    """Return `text` with the last part of each absolute path only."""
    return ABSOLUTE_PATH.sub(lambda path: PurePath(path[0]).name, text)


def _translated(template: str, params: dict[str, object], show: Callable[[object], object]) -> str:
    texts = {
        name: _translated(value.template, value.params, show) if isinstance(value, Message) else show(value)
        for name, value in params.items()
    }
    return _(template).format(**texts)


def _visible_to_visitors(value: object) -> object:
    if isinstance(value, Internal):
        return "…"
    if isinstance(value, PurePath):
        return value.name
    return hide_folders(str(value)) if isinstance(value, (str, Exception)) else value


def error_status(error: ImageSearchError) -> int:
    """Return the HTTP status that reports an error."""
    if isinstance(error, PictureRejected) and error.code == "too_many_bytes":
        return 413
    return _status_and_title(error)[0]


def describe_error(error: BaseException | None) -> ErrorDescription | None:
    """Describe an error that the user or the operator can act on; return None for any other.

    What a visitor cannot resolve is logged, with the whole message.
    """
    if isinstance(error, database_errors.DATABASE_ERRORS):
        error = database_errors.to_catalog_error(error)
    if isinstance(error, ImageSearchError):
        if error_status(error) >= 500 and not isinstance(error, Overloaded):
            logger.error("%s", error)
        return ErrorDescription(
            error_status(error), _(_status_and_title(error)[1]), error_message(error), _headers(error)
        )
    if isinstance(error, NotFoundWithMessage):
        return ErrorDescription(404, _("Page not found"), str(error), {})
    if isinstance(error, (RequestDataTooBig, TooManyFilesSent, TooManyFieldsSent)):
        message = _("The request is larger than the server accepts. Send fewer files at a time.")
        return ErrorDescription(413, _("Upload too large"), message, {})
    return None


def _headers(error: ImageSearchError) -> dict[str, str]:
    if isinstance(error, Overloaded):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, ImageGone):
        return {"Cache-Control": "no-store"}  # the same picture may be added again
    return {"Retry-After": str(RETRY_AFTER)} if error_status(error) == 503 else {}


def _status_and_title(error: ImageSearchError) -> tuple[int, str]:
    return next(row for error_class, row in STATUS_AND_TITLE.items() if isinstance(error, error_class))
