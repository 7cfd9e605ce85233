"""Page numbers and their addresses."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest


def wanted_page(request: HttpRequest) -> int:
    """The page number that a request asks for; the first for anything that is none."""
    raw = request.GET.get("page", "")
    return max(1, int(raw)) if raw.isdecimal() and len(raw) < 10 else 1


def page_query(chosen: Mapping[str, object]) -> str:
    """What else an address holds, ready for `page=` to be put behind it: `collection=3&`, or nothing."""
    kept = urlencode({name: value for name, value in chosen.items() if name != "page" and value})
    return f"{kept}&" if kept else ""
