"""Responses with files: caching, revalidation and parts of files."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.utils.translation import gettext as _

from catalog.error_messages import NotFoundWithMessage
from catalog.imaging.metadata.parts import PartsReader
from catalog.views.media.byte_ranges import RangeNotSatisfiable, requested_range

MAX_CACHE_SECONDS = 60


class BlockResponse(FileResponse):
    """A response that reads its file in blocks of 64 KiB, Django's are of 4."""

    block_size = 65_536


@dataclass(frozen=True)
class ServedFile:
    """A file that a request asks for.

    Attributes:
        etag: strong; another one whenever the bytes are others.
        modified_at: seconds since 1970.
        is_private: whether only the browser may cache it, no shared cache.
        open: opens the file. May raise FileNotFoundError.
        filename: under which a browser saves it.
        download: whether a browser saves it at once.
    """

    etag: str
    modified_at: int
    content_type: str
    is_private: bool
    open: Callable[[], PartsReader]
    filename: str = ""
    download: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every response, also of one that says that the cached copy is current."""
        scope = "private" if self.is_private else "public"
        return {
            "Cache-Control": f"{scope}, max-age={MAX_CACHE_SECONDS}, must-revalidate",
            "ETag": self.etag,
            "Last-Modified": http_date(self.modified_at),
            "Accept-Ranges": "bytes",
        }


def respond(request: HttpRequest, file: ServedFile) -> HttpResponseBase:
    """Return the file, the part of it that the request asks for, or status 304 if the client has it already."""
    unopened = HttpResponse(headers=file.headers)
    conditional = get_conditional_response(request, file.etag, file.modified_at, unopened)
    if conditional is not None and conditional is not unopened:
        return conditional
    try:
        reader = file.open()
    except FileNotFoundError:
        raise NotFoundWithMessage(_("This file is missing on the server.")) from None
    if request.method == "HEAD":
        return _without_body(_file_response(file, reader))
    return _requested_part(request, file, reader)


def _requested_part(request: HttpRequest, file: ServedFile, reader: PartsReader) -> HttpResponseBase:
    size = reader.length
    try:
        part = requested_range(request, size, etag=file.etag, last_modified=file.headers["Last-Modified"])
    except RangeNotSatisfiable:
        reader.close()
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return HttpResponse(status=status, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    if part is None:
        return _file_response(file, reader)
    response = _file_response(file, PartsReader(reader, [part]))
    response.status_code = HTTPStatus.PARTIAL_CONTENT
    response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return response


def _file_response(file: ServedFile, reader: PartsReader) -> FileResponse:
    return BlockResponse(
        reader,
        as_attachment=file.download,
        filename=file.filename,
        content_type=file.content_type,
        headers=file.headers,
    )


def _without_body(response: FileResponse) -> HttpResponse:
    """Return the headers alone. Not every web server leaves out the body."""
    response.close()
    return HttpResponse(headers=response.headers)
