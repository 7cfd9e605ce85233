"""The saved searches of a user, with the new results of each."""

from dataclasses import dataclass
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.exceptions import ImageSearchError
from catalog.forms import SavedSearchForm
from catalog.models import SavedSearch
from catalog.services.search import query_photos, ranking, saved_searches
from catalog.services.search.ranking import Results
from catalog.views import errors
from catalog.views.feedback import build_url, photo_tokens
from catalog.views.query_source import QuerySource, parse_results_url, query_source_at
from catalog.views.results_params import parse_crop, parse_results_params

SEARCHES_PER_PAGE = 10


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


@require_safe
@login_required
def list_saved(request: HttpRequest) -> HttpResponse:
    """List the saved searches, newest first. Only those of this page are run, and only if there are newer images."""
    paginator = Paginator(SavedSearch.objects.filter(user=request.user.pk), SEARCHES_PER_PAGE)
    page = paginator.get_page(request.GET.get("page"))
    context = {"saved_searches": [_build_row(search) for search in page], "page": page, "query_prefix": ""}
    return render(request, "search/saved_searches.html", context)


@require_POST
@login_required
def save(request: HttpRequest) -> HttpResponse:
    form = SavedSearchForm(request.POST)
    page = parse_results_url(request.POST.get("url", ""))
    if page is None or not form.is_valid():
        message = _("Enter a name of at most 120 characters, and save the search from its results page.")
        return errors.error_response(request, 400, _("This search could not be saved"), message)
    path, query = page
    source = query_source_at(path, None)
    photos = query_photos.unexpired_photos(photo_tokens(query)) + ([source.photo] if source.photo else [])
    query.pop("page", None)
    search = saved_searches.save(cast(User, request.user), form.cleaned_data["name"], build_url(path, query), photos)
    messages.success(request, _("The search “{name}” was saved.").format(name=search.name))
    return redirect("saved_searches")


@require_POST
@login_required
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user.pk)
    saved_searches.delete(search)
    messages.success(request, _("The search “{name}” was deleted.").format(name=search.name))
    return redirect("saved_searches")


@require_POST
@login_required
def mark_seen(request: HttpRequest, pk: int) -> HttpResponse:
    saved_searches.mark_seen(get_object_or_404(SavedSearch, pk=pk, user=request.user.pk))
    return redirect("saved_searches")


def _build_row(search: SavedSearch) -> SavedSearchRow:
    page = parse_results_url(search.url)
    try:
        return _row_with_new_results(search, *page) if page else SavedSearchRow(search)
    except (ImageSearchError, Http404):
        return SavedSearchRow(search)


def _row_with_new_results(search: SavedSearch, path: str, query: QueryDict) -> SavedSearchRow:
    source = query_source_at(path, parse_crop(query))
    if source.query is None:
        return SavedSearchRow(search)
    options = parse_results_params(query).search_options(source.excluded_image_id())
    if not saved_searches.has_newer_images(search):
        return SavedSearchRow(search, source, can_run=True)
    options = saved_searches.new_results_options(search, options, source.query.space)
    query["after_id"], query["min_score"] = str(options.filters.after_id), f"{options.min_score:.3f}"
    results = ranking.search(source.query, options)
    return SavedSearchRow(search, source, can_run=True, new_results=results, new_url=build_url(path, query))
