"""The parameters in the URL of a results page."""

from dataclasses import dataclass
from functools import partial

from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.error_messages import NotFoundWithMessage
from catalog.forms import ResultsForm
from catalog.imaging import crops
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services.search import facets
from catalog.services.search.options import SearchOptions
from catalog.views.feedback import DIRECTIONS, FeedbackItems, parse_feedback
from catalog.views.paging import parse_expansion, parse_page_number, query_prefix

# Parameters that change the query rather than the set of images that is searched.
REFINEMENT_PARAMS = ("expand", *DIRECTIONS)
# Parameters that the form of filters preserves when it is submitted.
NON_FILTER_PARAMS = (*REFINEMENT_PARAMS, "crop", "ungrouped")


@dataclass(frozen=True)
class ResultsParams:
    """The valid parameters of a results page.

    Attributes:
        expansion: how many of the best images are added to the query.
        crop: the crop to search with, in pixels of the upright picture; None for the whole picture.
        ungrouped: whether near-duplicates are shown separately.
    """

    query: QueryDict
    form: ResultsForm
    page: int
    expansion: int
    feedback: FeedbackItems
    crop: Box | None
    ungrouped: bool

    def search_options(self, exclude_id: int | None) -> SearchOptions:
        """Return the options of the search; `exclude_id` is the image that is searched with."""
        return SearchOptions(
            filters=self.form.filters(),
            exclude_id=exclude_id,
            expansion=self.expansion,
            feedback=self.feedback.to_feedback(),
            min_score=self.form.cleaned_data["min_score"] or None,
        )

    def template_context(self) -> dict[str, object]:
        """Return the template variables that show the parameters and link to variations of the search."""
        query_without = partial(_query_without, self.query)
        return {
            "form": self.form,
            "expansion": self.expansion,
            "feedback": self.feedback,
            "crop": self.crop,
            "ungrouped": self.ungrouped,
            "feedback_form_fields": [
                (name, value) for name, value in self.query.items() if name not in ("feedback", "page") and value
            ],
            "preserved_params": [(name, self.query[name]) for name in NON_FILTER_PARAMS if self.query.get(name)],
            "query_prefix": query_prefix(self.query),
            "query_without_refinements": query_without(*REFINEMENT_PARAMS),
            "query_without_ungrouped": query_without("ungrouped"),
        }


def parse_results_params(query: QueryDict) -> ResultsParams:
    """Parse the parameters of a results page.

    Raises:
        NotFoundWithMessage: a filter has an invalid value.
        CropRejected: the crop is invalid.
    """
    form = ResultsForm(query)
    if not form.is_valid():
        raise NotFoundWithMessage(_("One of the filters has an unknown value. Clear the filters."))
    form.show_counts(facets.count_choices(form.fields, form.filters(), Image.Status.INDEXED))
    return ResultsParams(
        query,
        form,
        parse_page_number(query),
        parse_expansion(query),
        parse_feedback(query),
        parse_crop(query),
        bool(query.get("ungrouped")),
    )


def parse_crop(query: QueryDict) -> Box | None:
    """Return the crop to search with; None for the whole picture. Raises CropRejected."""
    raw = query.get("crop")
    return crops.parse_box(raw) if raw else None


def _query_without(query: QueryDict, *names: str) -> str:
    return query_prefix({name: value for name, value in query.items() if name not in names})
