"""Numbers in URLs, and the links to other pages."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import QueryDict

from catalog.services.search.feedback import MAX_EXPANSION_IMAGES


def parse_page_number(query: QueryDict) -> int:
    """Return the page number of a URL; 1 if it is missing or invalid."""
    raw = query.get("page", "")
    return max(1, int(raw)) if raw.isdecimal() and len(raw) < 10 else 1


def parse_expansion(query: QueryDict) -> int:
    """Return how many of the best images a URL adds to the query; 0 if the number is missing or invalid."""
    raw = query.get("expand", "")
    return min(int(raw), MAX_EXPANSION_IMAGES) if raw.isdecimal() and len(raw) < 10 else 0


def query_prefix(params: Mapping[str, object]) -> str:
    """Return the other parameters of a URL, to be followed by `page=`: for example `collection=3&`, or nothing."""
    encoded = urlencode({name: value for name, value in params.items() if name != "page" and value})
    return f"{encoded}&" if encoded else ""
