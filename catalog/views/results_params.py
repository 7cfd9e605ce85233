"""The parameters in the URL of a results page."""

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.error_messages import NotFoundWithMessage
from catalog.forms import VIEW_PARAMS, ResultsForm
from catalog.imaging import crops
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services.search import facets
from catalog.services.search.options import SearchOptions
from catalog.services.search.result_pages import ResultsPage
from catalog.views.feedback import DIRECTIONS, IMAGE_ID_PATTERN, FeedbackItems, parse_feedback
from catalog.views.paging import parse_expansion, parse_page_number, query_prefix

# Parameters that change the query rather than the set of images that is searched.
REFINEMENT_PARAMS = ("expand", *DIRECTIONS)
# Parameters that the form of filters preserves when it is submitted.
NON_FILTER_PARAMS = (*REFINEMENT_PARAMS, "crop")


@dataclass(frozen=True)
class ResultsParams:
    """The valid parameters of a results page.

    Attributes:
        expansion: how many of the best images are added to the query.
        crop: the crop to search with, in pixels of the upright picture; None for the whole picture.
        weak: whether weak matches are shown after the similar images.
        unfolded: the id of the image whose near-duplicates are shown; 0 for none.
    """

    query: QueryDict
    form: ResultsForm
    page: int
    expansion: int
    feedback: FeedbackItems
    crop: Box | None
    weak: bool
    unfolded: int

    def search_options(self, exclude_id: int | None) -> SearchOptions:
        """Return the options of the search; `exclude_id` is the image that is searched with."""
        return SearchOptions(
            filters=self.form.filters(),
            exclude_id=exclude_id,
            expansion=self.expansion,
            feedback=self.feedback.to_feedback(),
            min_score=self.form.cleaned_data["min_score"] or None,
        )

    def place_query(self, page: int) -> str:
        """Return the query string of this page of the results, for links that lead back to it."""
        place = {**self.query.dict(), "page": page if page > 1 else "", "unfold": ""}
        return urlencode({name: value for name, value in place.items() if value}, safe=",")

    def weak_url(self, found: ResultsPage) -> str:
        """Return the relative URL of the page on which the weak matches start."""
        page = found.shown // settings.RESULTS_PER_PAGE + 1
        return f"?{_query_without(self.query, *VIEW_PARAMS)}weak=1&page={page}#section-weak"

    def template_context(self) -> dict[str, object]:
        """Return the template variables that show the parameters and link to variations of the search."""
        query_without = partial(_query_without, self.query)
        return {
            "form": self.form,
            "expansion": self.expansion,
            "feedback": self.feedback,
            "crop": self.crop,
            "unfolded": self.unfolded,
            "feedback_form_fields": [
                (name, value) for name, value in self.query.items() if name not in ("feedback", *VIEW_PARAMS) and value
            ],
            "preserved_params": [(name, self.query[name]) for name in NON_FILTER_PARAMS if self.query.get(name)],
            "query_prefix": query_prefix(self.query),
            "query_without_refinements": query_without(*REFINEMENT_PARAMS, *VIEW_PARAMS),
            "query_without_filters": query_without(*self.form.fields, *VIEW_PARAMS),
        }


def parse_results_params(query: QueryDict, *, with_counts: bool = True) -> ResultsParams:
    """Parse the parameters of a results page.

    Args:
        with_counts: count the images of each choice of the filters, which a page shows.

    Raises:
        NotFoundWithMessage: a filter has an invalid value.
        CropRejected: the crop is invalid.
    """
    form = ResultsForm(query)
    if not form.is_valid():
        raise NotFoundWithMessage(_("One of the filters has an unknown value. Clear the filters."))
    if with_counts:
        form.show_counts(facets.count_choices(form.fields, form.filters(), Image.Status.INDEXED))
    return ResultsParams(
        query,
        form,
        parse_page_number(query),
        parse_expansion(query),
        parse_feedback(query),
        parse_crop(query),
        bool(query.get("weak")),
        parse_image_id(query.get("unfold", "")),
    )


def parse_crop(query: QueryDict) -> Box | None:
    """Return the crop to search with; None for the whole picture. Raises CropRejected."""
    raw = query.get("crop")
    return crops.parse_box(raw) if raw else None


def parse_image_id(raw: str) -> int:
    """Return the id of an image; 0 if it is missing or invalid."""
    return int(raw) if IMAGE_ID_PATTERN.fullmatch(raw) else 0


def _query_without(query: QueryDict, *names: str) -> str:
    return query_prefix({name: value for name, value in query.items() if name not in names})
