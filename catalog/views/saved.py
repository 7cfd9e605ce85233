"""Searches that a signed-in person keeps, and what has come since that matches."""

from dataclasses import dataclass, replace
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.exceptions import ImageSearchError
from catalog.forms import SaveForm
from catalog.models import FeatureSpace, SavedSearch
from catalog.services import queries, saved, searching, spaces
from catalog.services.learning import calibration_of
from catalog.services.searching import Results
from catalog.vectors.calibration import Likeness
from catalog.views import faults
from catalog.views.asking import asked, wanted_crop
from catalog.views.marking import address, photo_tokens
from catalog.views.sought import Sought, results_page, sought_at

NEW_SHOWN = 6


@dataclass(frozen=True)
class Shown:
    """A kept search as its owner sees it.

    Attributes:
        sought: None: its image, or its choices, are gone.
        new: what came since and matches.
    """

    search: SavedSearch
    sought: Sought | None = None
    new: Results | None = None
    new_address: str = ""


@require_safe
@login_required
def kept(request: HttpRequest) -> HttpResponse:
    searches = [_shown(search) for search in SavedSearch.objects.filter(user=request.user.pk)]
    return render(request, "search/saved.html", {"searches": searches})


@require_POST
@login_required
def keep(request: HttpRequest) -> HttpResponse:
    form = SaveForm(request.POST)
    page = results_page(request.POST.get("address", ""))
    if page is None or not form.is_valid():
        told = _("A search is kept under a name of 120 characters at most.")
        return faults.page(request, 400, _("This search cannot be kept"), told)
    path, query = page
    sought = sought_at(path, None)
    photos = queries.still_kept(photo_tokens(query)) + ([sought.photo] if sought.photo else [])
    query.pop("page", None)
    search = saved.keep(cast(User, request.user), form.cleaned_data["name"], address(path, query), photos)
    messages.success(request, _("“{name}” is kept.").format(name=search.name))
    return redirect("saved")


@require_POST
@login_required
def forget(request: HttpRequest, pk: int) -> HttpResponse:
    search = get_object_or_404(SavedSearch, pk=pk, user=request.user.pk)
    saved.forget(search)
    messages.success(request, _("“{name}” is forgotten.").format(name=search.name))
    return redirect("saved")


@require_POST
@login_required
def seen(request: HttpRequest, pk: int) -> HttpResponse:
    saved.mark_seen(get_object_or_404(SavedSearch, pk=pk, user=request.user.pk))
    return redirect("saved")


def _shown(search: SavedSearch) -> Shown:
    page = results_page(search.address)
    try:
        return _with_news(search, *page) if page else Shown(search)
    except (ImageSearchError, Http404):
        return Shown(search)


def _with_news(search: SavedSearch, path: str, query: QueryDict) -> Shown:
    sought = sought_at(path, wanted_crop(query))
    if sought.query is None:
        return Shown(search)
    options = asked(query).options()
    options["filters"] = replace(options["filters"], after=search.seen_up_to)
    options["least"] = max(options["least"] or 0.0, _alike_from(sought.query.space))
    new = searching.search(sought.query, without=sought.without(), count=NEW_SHOWN, **options)
    query["after"], query["least"] = str(search.seen_up_to), f"{options['least']:.3f}"
    return Shown(search, sought, new, address(path, query))


def _alike_from(space: FeatureSpace) -> float:
    """The score from which pictures are called alike; 0 where the catalogue is too small to tell."""
    generation = spaces.serving(space)
    meaning = calibration_of(generation) if generation else None
    return meaning.least(Likeness.ALIKE) if meaning else 0.0
