"""The new matches of a saved search as an Atom feed, for programs that read feeds. Its URL is secret."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from catalog.models import Image, SavedSearch
from catalog.services.search import saved_searches
from catalog.views.saved_searches import run_saved_search

MAX_ENTRIES = 30


@dataclass(frozen=True)
class NewMatches:
    """The new matches of a saved search, newest first, and the request of the program that reads them."""

    search: SavedSearch
    images: list[Image]
    request: HttpRequest


@dataclass(frozen=True)
class Entry:
    image: Image
    thumbnail_url: str


class SavedSearchFeed(Feed):
    """The best new matches of the search with this token. What its owner has marked as seen is not new."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, token: str) -> NewMatches:
        search = saved_searches.find_by_feed_token(token)
        if search is None:
            raise Http404
        results = run_saved_search(search, MAX_ENTRIES).new_results
        images = [hit.image for hit in results.hits] if results else []
        return NewMatches(search, sorted(images, key=lambda image: -image.pk), request)

    def title(self, matches: NewMatches) -> str:
        return matches.search.name

    def link(self, matches: NewMatches) -> str:
        return matches.search.url

    def feed_guid(self, matches: NewMatches) -> str:
        return matches.request.build_absolute_uri(matches.request.path)

    def items(self, matches: NewMatches) -> list[Entry]:
        request = matches.request
        return [Entry(image, request.build_absolute_uri(image.thumbnail_url)) for image in matches.images]

    def item_title(self, item: Entry) -> str:
        return item.image.label

    def item_description(self, item: Entry) -> str:
        return format_html('<img src="{}" alt="">', item.thumbnail_url)

    def item_link(self, item: Entry) -> str:
        return item.image.get_absolute_url()

    def item_pubdate(self, item: Entry) -> datetime:
        return item.image.created_at

    def item_updateddate(self, item: Entry) -> datetime:
        return item.image.created_at


saved_search_feed = require_safe(SavedSearchFeed())
