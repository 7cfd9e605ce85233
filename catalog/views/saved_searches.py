"""The saved searches of a user, with the new results of each."""

from dataclasses import dataclass, replace
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.exceptions import ImageSearchError
from catalog.forms import VIEW_PARAMS, SavedSearchForm, SavedSearchNameForm
from catalog.models import SavedSearch
from catalog.services.search import query_photos, ranking, saved_searches
from catalog.services.search.ranking import Results
from catalog.views import errors
from catalog.views.access import View
from catalog.views.feedback import build_url, photo_tokens
from catalog.views.query_source import QuerySource, parse_results_url, query_source_at
from catalog.views.results_params import parse_crop, parse_results_params

SEARCHES_PER_PAGE = 10
SEARCHES_PER_COUNT = 10  # that the request of a page's header runs
MAX_SHOWN_COUNT = 99
NEW_RESULTS_PARAMS = ("after_id", "min_score")  # of the URL of new results


@dataclass(frozen=True)
class SavedSearchRow:
    """A saved search as its owner sees it.

    Attributes:
        source: what it searches with; None if that, or a filter, no longer exists.
        can_run: whether source and filters still exist and can be searched with.
        new_results: images that match and were added since the owner last saw the results; None if none was added.
        new_url: the results page with these images alone.
    """

    search: SavedSearch
    source: QuerySource | None = None
    can_run: bool = False
    new_results: Results | None = None
    new_url: str = ""

    def feed_url(self) -> str:
        """Return the secret URL of the feed of this search."""
        return reverse("saved_search_feed", args=[saved_searches.feed_token(self.search)])

    def new_count(self) -> int:
        return self.new_results.total if self.new_results else 0


@require_safe
@login_required
def list_saved(request: HttpRequest) -> HttpResponse:
    """List the saved searches, newest first. Only those of this page are run, and only if there are newer images."""
    paginator = Paginator(SavedSearch.objects.filter(user=request.user.pk), SEARCHES_PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    rows = [run_saved_search(search) for search in page]
    for row in rows:
        if row.new_count() != row.search.new_count:  # most often the page writes nothing
            saved_searches.record_new_count(row.search, row.new_count())
    context = {"saved_searches": rows, "page": page, "query_prefix": ""}
    return render(request, "search/saved_searches.html", context)


def _owner_required(view: View) -> View:
    """Require a signed-in user. Who signs in when a form is sent gets back to the search, or to the saved searches."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        url = request.POST.get("url", "")
        return redirect_to_login(url if parse_results_url(url) else reverse("saved_searches"))

    return wrapper


@require_POST
@_owner_required
def save(request: HttpRequest) -> HttpResponse:
    form = SavedSearchForm(request.POST)
    page = parse_results_url(request.POST.get("url", ""))
    if page is None or not form.is_valid():
        message = _("Enter a name of at most 120 characters, and save the search from its results page.")
        return errors.error_response(request, 400, _("This search could not be saved"), message)
    path, query = page
    source = query_source_at(path, None)
    photos = query_photos.unexpired_photos(photo_tokens(query)) + ([source.photo] if source.photo else [])
    for name in VIEW_PARAMS:
        query.pop(name, None)
    search = saved_searches.save(cast(User, request.user), form.cleaned_data["name"], build_url(path, query), photos)
    messages.success(request, _("The search “{name}” was saved.").format(name=search.name))
    return redirect("saved_searches")


@require_POST
@_owner_required
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user.pk)
    form = SavedSearchNameForm(request.POST)
    if not form.is_valid():
        return errors.error_response(
            request, 400, _("This search could not be renamed"), _("Enter a name of at most 120 characters.")
        )
    saved_searches.rename(search, form.cleaned_data["name"])
    messages.success(request, _("The search is now called “{name}”.").format(name=search.name))
    return redirect("saved_searches")


@require_POST
@_owner_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user.pk)
    search.delete()
    messages.success(request, _("The search “{name}” was deleted.").format(name=search.name))
    return redirect("saved_searches")


@require_POST
@_owner_required
def mark_seen(request: HttpRequest, pk: int) -> HttpResponse:
    saved_searches.mark_seen(get_object_or_404(SavedSearch, pk=pk, user=request.user.pk))
    return redirect("saved_searches")


@require_safe
@login_required
def count_new(request: HttpRequest) -> JsonResponse:
    """Count the new matches of searches whose counts are out of date, and return those of all as the header shows them.

    A request runs few searches. The others follow with the next pages.
    """
    user = cast(User, request.user)
    for search in saved_searches.outdated_counts(user)[:SEARCHES_PER_COUNT]:
        saved_searches.record_new_count(search, run_saved_search(search).new_count())
    return JsonResponse({"shown": shown_count(saved_searches.new_match_count(user))})


def new_matches_badge(request: HttpRequest) -> dict[str, object]:
    """Return what the header shows of the new matches of the user, who is signed in.

    `shown` is their number when they were last counted, and `outdated` says whether they should be counted again.
    """
    user = cast(User, request.user)
    shown = shown_count(saved_searches.new_match_count(user))
    return {"shown": shown, "outdated": saved_searches.outdated_counts(user).exists()}


def shown_count(count: int) -> str:
    """Return a number of new matches as the header shows it; nothing for 0."""
    return f"{MAX_SHOWN_COUNT}+" if count > MAX_SHOWN_COUNT else str(count or "")


def find_saved_search(request: HttpRequest) -> SavedSearch | None:
    """Return the saved search of the user whose results, or new results, are at this URL; None if there is none."""
    if not request.user.is_authenticated:
        return None
    shown = _search_params(request.GET)
    without_new = {name: value for name, value in shown.items() if name not in NEW_RESULTS_PARAMS}
    for search in SavedSearch.objects.filter(user=request.user.pk, url__startswith=request.path):
        path, _separator, query = search.url.partition("?")
        saved = _search_params(QueryDict(query))
        if path == request.path and saved == shown:
            return search
        saved.pop("min_score", None)
        if path == request.path and "after_id" in shown and saved == without_new:
            return search
    return None


def _search_params(query: QueryDict) -> dict[str, object]:
    """Return the parameters of a URL that decide what is found."""
    return {name: value for name, value in query.items() if value and name not in VIEW_PARAMS}


def run_saved_search(search: SavedSearch, max_hits: int = saved_searches.MAX_NEW_HITS) -> SavedSearchRow:
    """Find the new results of a saved search, at most `max_hits` of them; without newer images nothing is searched."""
    page = parse_results_url(search.url)
    try:
        return _row_with_new_results(search, *page, max_hits) if page else SavedSearchRow(search)
    except (ImageSearchError, Http404):
        return SavedSearchRow(search)


def _row_with_new_results(search: SavedSearch, path: str, query: QueryDict, max_hits: int) -> SavedSearchRow:
    source = query_source_at(path, parse_crop(query))
    if source.query is None:
        return SavedSearchRow(search)
    options = parse_results_params(query, with_counts=False).search_options(source.excluded_image_id())
    if not saved_searches.has_newer_images(search):
        return SavedSearchRow(search, source, can_run=True)
    options = replace(saved_searches.new_results_options(search, options, source.query.space), limit=max_hits)
    query["after_id"], query["min_score"] = str(options.filters.after_id), f"{options.min_score:.3f}"
    results = ranking.search(source.query, options)
    return SavedSearchRow(search, source, can_run=True, new_results=results, new_url=build_url(path, query))
