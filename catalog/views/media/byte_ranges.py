"""Parts of files, as asked for with the header Range (RFC 9110, 14)."""

import re

from django.http import HttpRequest

# One range: of several, which hardly any client asks for, the whole file is sent, as the standard allows.
RANGE_PATTERN = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class RangeNotSatisfiable(Exception):
    """The range begins behind the end of the file."""


def requested_range(request: HttpRequest, size: int, *, etag: str, last_modified: str) -> range | None:
    """Return the positions of the bytes that a request asks for; None for the whole file.

    Args:
        size: of the file, in bytes.
        etag: of the file, strong.
        last_modified: of the file, as in the header.

    Raises:
        RangeNotSatisfiable: answer it with status 416.
    """
    match = RANGE_PATTERN.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or not match or request.headers.get("If-Range", etag) not in (etag, last_modified):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise RangeNotSatisfiable()
    return range(start, min(size, int(last) + 1) if first and last else size)
