"""Page numbers and their addresses."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import QueryDict

from catalog.services.refining import MOST_EXPANDED


def wanted_page(query: QueryDict) -> int:
    """The page number that an address asks for; the first for anything that is none."""
    raw = query.get("page", "")
    return max(1, int(raw)) if raw.isdecimal() and len(raw) < 10 else 1


def wanted_expansion(query: QueryDict) -> int:
    """By how many of the best images an address wants the query expanded; 0 for anything that is no such number."""
    raw = query.get("expand", "")
    return min(int(raw), MOST_EXPANDED) if raw.isdecimal() and len(raw) < 10 else 0


def page_query(chosen: Mapping[str, object]) -> str:
    """What else an address holds, ready for `page=` to be put behind it: `collection=3&`, or nothing."""
    kept = urlencode({name: value for name, value in chosen.items() if name != "page" and value})
    return f"{kept}&" if kept else ""
