"""Page numbers and their addresses."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest

from catalog.services.refining import MOST_EXPANDED


def wanted_page(request: HttpRequest) -> int:
    """The page number that a request asks for; the first for anything that is none."""
    raw = request.GET.get("page", "")
    return max(1, int(raw)) if raw.isdecimal() and len(raw) < 10 else 1


def wanted_expansion(request: HttpRequest) -> int:
    """By how many of the best images a request wants its query expanded; 0 for anything that is no such number."""
    raw = request.GET.get("expand", "")
    return min(int(raw), MOST_EXPANDED) if raw.isdecimal() and len(raw) < 10 else 0


def page_query(chosen: Mapping[str, object]) -> str:
    """What else an address holds, ready for `page=` to be put behind it: `collection=3&`, or nothing."""
    kept = urlencode({name: value for name, value in chosen.items() if name != "page" and value})
    return f"{kept}&" if kept else ""
