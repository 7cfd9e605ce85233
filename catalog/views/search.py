"""The search page and the results pages."""

from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from catalog.error_messages import error_message, error_status
from catalog.exceptions import PictureRejected
from catalog.forms import SearchForm
from catalog.models import Image
from catalog.services.accounts.actor import current_actor
from catalog.services.accounts.clients import client_key
from catalog.services.ingest import demo
from catalog.services.media.upload_limits import read_picture
from catalog.services.monitoring import process_metrics
from catalog.services.search import query_photos
from catalog.services.search.query_photo_files import QueryPhoto
from catalog.services.search.regions.photo_regions import photo_regions
from catalog.services.search.result_pages import search_page
from catalog.views import errors
from catalog.views.access import search_access_required
from catalog.views.feedback import toggled_url, url_with_photo
from catalog.views.query_source import QuerySource, image_source, parse_results_url, photo_source
from catalog.views.results_params import parse_crop, parse_results_params
from catalog.views.saved_searches import find_saved_search

# How many of the best images "More of the same kind" adds to the query. Measured in docs/quality.md.
EXPANSION_COUNT = 5


@require_safe
@search_access_required
def home(request: HttpRequest) -> HttpResponse:
    return _render_home(request, SearchForm())


@require_http_methods(["GET", "HEAD", "POST"])
@search_access_required
def submit(request: HttpRequest) -> HttpResponse:
    """Store the query photo and redirect to its results, or to the results that it was added to. Scripts get the URL.

    Who opens the address, as after a change of the language, gets to the search page.
    """
    if request.method != "POST":
        return redirect("search")
    form = SearchForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render_home(request, form, status=400)
    try:
        owner = client_key(request.user, current_actor().address)
        photo = query_photos.store_photo(*_read_query_photo(form), owner)
    except PictureRejected as error:
        form.add_error("photo", error_message(error))
        return _render_home(request, form, status=error_status(error))
    url = _results_url(form, photo)
    return JsonResponse({"url": url}) if errors.wants_json(request) else redirect(url)


def _results_url(form: SearchForm, photo: QueryPhoto) -> str:
    if results_url := parse_results_url(form.cleaned_data["add_to_url"]):
        return url_with_photo(*results_url, photo.token)
    filters = {name: form.cleaned_data[name].pk for name in ("collection", "tag") if form.cleaned_data[name]}
    return f"{photo.get_absolute_url()}?{urlencode(filters)}".rstrip("?")


@require_safe
@search_access_required
def results(request: HttpRequest, token: str) -> HttpResponse:
    return _render_results(request, photo_source(token, parse_crop(request.GET)))


@require_safe
@search_access_required
def similar(request: HttpRequest, pk: int) -> HttpResponse:
    return _render_results(request, image_source(pk, parse_crop(request.GET)))


@require_safe
@search_access_required
def query_photo(request: HttpRequest, token: str) -> HttpResponse:
    """Serve the stored picture of a query photo."""
    photo = query_photos.get_photo(token)
    response = HttpResponse(photo.picture, content_type="image/webp")
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


@require_safe
@search_access_required
def query_regions(request: HttpRequest, token: str) -> HttpResponse:
    """Return the regions that the results page shows on its photo, as JSON."""
    return JsonResponse({"regions": photo_regions(query_photos.get_photo(token))})


def _render_home(request: HttpRequest, form: SearchForm, status: int = 200) -> HttpResponse:
    if form.errors and errors.wants_json(request):
        return errors.form_errors_as_json(form, status)
    examples = [
        {"name": name, "url": static(f"demo/queries/{name}.jpg"), "label": label}
        for name, label in demo.example_photos()
    ]
    context = {
        "form": form,
        "examples": examples,
        "recent_images": Image.objects.indexed().for_tiles()[:12],
        "max_sent_side": query_photos.STORED_SIDE,
    }
    return render(request, "search/home.html", context, status=status)


def _read_query_photo(form: SearchForm) -> tuple[bytes, str]:
    """Return the bytes and the file name of the uploaded photo or the chosen example."""
    photo, example = form.cleaned_data["photo"], form.cleaned_data["example"]
    if photo is not None:
        return read_picture(photo), photo.name
    path = finders.find(f"demo/queries/{example}.jpg") if example in dict(demo.example_photos()) else None
    if path is None:
        raise Http404
    return Path(path).read_bytes(), Path(path).name


def _render_results(request: HttpRequest, source: QuerySource) -> HttpResponse:
    if redirect_url := toggled_url(request):
        return redirect(redirect_url)
    if source.query is None:
        message = _("This image has not been indexed yet. Try again in a moment.")
        return errors.error_response(request, 409, _("Not searchable yet"), message)
    params = parse_results_params(request.GET)
    found = search_page(
        source.query,
        params.search_options(source.excluded_image_id()),
        number=params.page,
        page_size=settings.RESULTS_PER_PAGE,
        with_weak=params.weak,
    )
    paginator: Paginator = Paginator(range(found.shown), settings.RESULTS_PER_PAGE)
    place_query = params.place_query(found.number)
    context = {
        **params.template_context(),
        "source": source,
        "page": Page(found.results.hits, found.number, paginator),
        "sections": found.sections,
        "similar": found.similar,
        "weak_count": found.results.total - found.similar.number if found.similar else 0,
        "weak_url": params.weak_url(found) if found.hides_weak else "",
        "shows_weak": found.shows_weak,
        "place_query": place_query,
        "detail_query": f"?{source.hit_query}&{place_query}".rstrip("&"),
        "expansion_count": EXPANSION_COUNT,
        "max_sent_side": query_photos.STORED_SIDE,
        "only_weak_matches": found.results.only_weak_matches and found.number == 1,
        "saved_search": find_saved_search(request),
        "seconds": found.results.seconds,
        "feature_space": found.results.space.key,
    }
    with process_metrics.time_stage("render"):
        return render(request, "search/results.html", context)
