"""Search by photo: the box, the results, and the likes of an image."""

from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from catalog.exceptions import PictureRefused
from catalog.forms import SearchForm
from catalog.models import Image
from catalog.services import demo, queries, searching
from catalog.services.folding import folded
from catalog.services.limits import read_picture
from catalog.views import faults
from catalog.views.access import searcher
from catalog.views.asking import asked, on_page, stretch, wanted_crop
from catalog.views.marking import toggled, with_photo
from catalog.views.sought import Sought, image_sought, photo_sought, results_page

# By how many of the best images "more of the same kind" expands a query. Measured in docs/quality.md.
EXPANSION = 5


@require_safe
@searcher
def home(request: HttpRequest) -> HttpResponse:
    return _home(request, SearchForm())


@require_POST
@searcher
def submit(request: HttpRequest) -> HttpResponse:
    """Describe the photo, keep it for a while, and go to the results, or back to those it is added to."""
    form = SearchForm(request.POST, request.FILES)
    if not form.is_valid():
        return _home(request, form, status=400)
    try:
        photo = queries.remember(*_photo(form))
    except PictureRefused as refusal:
        form.add_error("photo", faults.sentence(refusal))
        return _home(request, form, status=faults.status_of(refusal))
    if search := results_page(form.cleaned_data["beside"]):
        return redirect(with_photo(*search, photo.token))
    chosen = {name: form.cleaned_data[name].pk for name in ("collection", "tag") if form.cleaned_data[name]}
    return redirect(f"{photo.get_absolute_url()}?{urlencode(chosen)}".rstrip("?"))


@require_safe
@searcher
def results(request: HttpRequest, token: str) -> HttpResponse:
    return _results(request, photo_sought(token, wanted_crop(request.GET)))


@require_safe
@searcher
def similar(request: HttpRequest, pk: int) -> HttpResponse:
    return _results(request, image_sought(pk, wanted_crop(request.GET)))


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
    context = {"form": form, "examples": examples, "recent": recent, "sent_side": queries.KEPT_SIDE}
    return render(request, "search/home.html", context, status=status)


def _photo(form: SearchForm) -> tuple[bytes, str]:
    """The bytes and the name of what to search with."""
    photo, example = form.cleaned_data["photo"], form.cleaned_data["example"]
    if photo is not None:
        return read_picture(photo), photo.name
    place = finders.find(f"demo/queries/{example}.jpg") if example in dict(demo.examples()) else None
    if place is None:
        raise Http404
    return Path(place).read_bytes(), Path(place).name


def _results(request: HttpRequest, sought: Sought) -> HttpResponse:
    if address := toggled(request):
        return redirect(address)
    if sought.query is None:
        told = _("This picture has not been described yet. Come back in a moment.")
        return faults.page(request, 409, _("Not searchable yet"), told)
    ask = asked(request.GET)
    search = partial(searching.search, sought.query, without=sought.without(), **ask.options())
    found = search(**stretch(ask.page))
    paginator: Paginator = Paginator(range(found.total), settings.RESULTS_PER_PAGE)
    number = min(ask.page, paginator.num_pages)
    if number < ask.page:
        found = search(**stretch(number))
    context = {
        **ask.context(),
        "sought": sought,
        "page": Page(on_page(found.hits if ask.apart else folded(found), number), number, paginator),
        "open": f"?{sought.name}&crop={ask.box}" if ask.box else f"?{sought.name}",
        "more_of_kind": EXPANSION,
        "sent_side": queries.KEPT_SIDE,
        "nothing_alike": found.nothing_alike and number == 1,
        "seconds": found.seconds,
        "feature_space": found.space.key,
    }
    return render(request, "search/results.html", context)
