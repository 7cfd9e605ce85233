"""Search by photo: the box, the results, and the likes of an image."""

from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.exceptions import PictureRefused
from catalog.forms import FilterForm, SearchForm
from catalog.models import Image
from catalog.services import demo, queries, searching
from catalog.services.limits import read_picture
from catalog.services.searching import Hit, Results
from catalog.views import faults
from catalog.views.access import searcher
from catalog.views.marking import marks_of, toggled
from catalog.views.paging import page_query, wanted_expansion, wanted_page

# By how many of the best images "more of the same kind" expands a query. Measured in docs/quality.md.
EXPANSION = 5
# What of an address refines a query rather than narrowing what is searched.
REFINING = ("expand", "more", "less")


@require_safe
@searcher
def home(request: HttpRequest) -> HttpResponse:
    return _home(request, SearchForm())


@require_POST
@searcher
def submit(request: HttpRequest) -> HttpResponse:
    """Describe the photo, keep it for a while, and go to the address of its results."""
    form = SearchForm(request.POST, request.FILES)
    if not form.is_valid():
        return _home(request, form, status=400)
    try:
        photo = queries.remember(*_photo(form))
    except PictureRefused as refusal:
        form.add_error("photo", faults.sentence(refusal))
        return _home(request, form, status=faults.status_of(refusal))
    chosen = {name: form.cleaned_data[name].pk for name in ("collection", "tag") if form.cleaned_data[name]}
    return redirect(f"{photo.get_absolute_url()}?{urlencode(chosen)}".rstrip("?"))


@require_safe
@searcher
def results(request: HttpRequest, token: str) -> HttpResponse:
    photo = queries.find(token)
    if address := toggled(request):
        return redirect(address)
    found = _search(
        request,
        lambda filters, **stretch: searching.search(queries.descriptor_of(photo), filters, **stretch),
    )
    query = {
        "photo_url": reverse("query_photo", args=[token]),
        "label": photo.label,
        "expires": photo.expires_at,
    }
    return _results(request, query, *found)


@require_safe
@searcher
def similar(request: HttpRequest, pk: int) -> HttpResponse:
    image = get_object_or_404(Image.objects.for_cards(), pk=pk)
    if address := toggled(request):
        return redirect(address)
    query = {"photo_url": image.thumbnail_url, "label": image.label, "image": image}
    sought = searching.descriptor_of(image)
    if sought is None:
        return faults.page(
            request,
            409,
            _("Not searchable yet"),
            _("This picture has not been described yet. Come back in a moment."),
        )
    found = _search(
        request,
        lambda filters, **stretch: searching.search(sought, filters, without=image.pk, **stretch),
    )
    return _results(request, query, *found)


@require_safe
@searcher
def query_photo(request: HttpRequest, token: str) -> HttpResponse:
    """The photo itself, as it was kept."""
    photo = queries.find(token)
    answer = HttpResponse(bytes(photo.picture), content_type="image/webp")
    answer["Cache-Control"] = "private, max-age=86400, immutable"
    return answer


def _home(request: HttpRequest, form: SearchForm, status: int = 200) -> HttpResponse:
    examples = [
        {"name": name, "url": static(f"demo/queries/{name}.jpg"), "label": label} for name, label in demo.examples()
    ]
    recent = Image.objects.indexed().for_cards()[:12]
    return render(request, "search/home.html", {"form": form, "examples": examples, "recent": recent}, status=status)


def _photo(form: SearchForm) -> tuple[bytes, str]:
    """The bytes and the name of what to search with."""
    photo, example = form.cleaned_data["photo"], form.cleaned_data["example"]
    if photo is not None:
        return read_picture(photo), photo.name
    place = finders.find(f"demo/queries/{example}.jpg") if example in dict(demo.examples()) else None
    if place is None:
        raise Http404
    return Path(place).read_bytes(), Path(place).name


def _search(request: HttpRequest, ask) -> tuple[FilterForm, Results, Page[Hit]]:  # type: ignore[no-untyped-def]
    form = FilterForm(request.GET)
    if not form.is_valid():
        raise faults.NotHere(_("There is no such collection, tag, format, date or size."))
    filters = form.filters()
    number, size = wanted_page(request), settings.RESULTS_PER_PAGE
    refined = {"expand": wanted_expansion(request), "marked": marks_of(request).marked()}
    found = ask(filters, start=(number - 1) * size, count=size, **refined)
    paginator = Paginator(range(found.total), size)
    if number > paginator.num_pages:
        number = paginator.num_pages
        found = ask(filters, start=(number - 1) * size, count=size, **refined)
    return form, found, Page(found.hits, number, paginator)


def _results(
    request: HttpRequest, query: dict[str, object], form: FilterForm, found: Results, page: Page[Hit]
) -> HttpResponse:
    context = {
        "query": query,
        "form": form,
        "search_form": SearchForm(),
        "page": page,
        "page_query": page_query(request.GET),
        "expand": wanted_expansion(request),
        "marks": marks_of(request),
        "kept": [(name, value) for name, value in request.GET.items() if name not in ("mark", "page") and value],
        "more_of_kind": EXPANSION,
        "plain_query": page_query({name: value for name, value in request.GET.items() if name not in REFINING}),
        "nothing_alike": found.nothing_alike and page.number == 1,
        "seconds": found.seconds,
        "feature_space": found.space.key,
    }
    return render(request, "search/results.html", context)
