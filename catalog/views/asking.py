"""What the address of a results page asks for."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.forms import ResultsForm
from catalog.imaging import crops
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services import facets
from catalog.services.folding import AROUND
from catalog.services.searching import Hit
from catalog.views import faults
from catalog.views.marking import WAYS, Marks, marks_of
from catalog.views.paging import page_query, wanted_expansion, wanted_page

# What of an address refines a query rather than narrowing what is searched.
REFINING = ("expand", *WAYS)
# What the form of filters hands on.
NOT_FILTERS = (*REFINING, "crop", "apart")


@dataclass(frozen=True)
class Asked:
    """A valid address, read.

    Attributes:
        box: the part of the photo that is sought, in pixels of the upright picture; None for the whole.
        apart: whether copies of one picture are shown each by itself.
    """

    query: QueryDict
    form: ResultsForm
    page: int
    expand: int
    marks: Marks
    box: Box | None
    apart: bool

    def options(self) -> dict[str, Any]:
        """What `searching.search` takes of it, but for the stretch."""
        return {
            "filters": self.form.filters(),
            "expand": self.expand,
            "marked": self.marks.marked(),
            "least": self.form.cleaned_data["least"] or None,
        }

    def context(self) -> dict[str, object]:
        """What the page shows of it."""
        without = partial(_without, self.query)
        return {
            "form": self.form,
            "expand": self.expand,
            "marks": self.marks,
            "crop": self.box,
            "apart": self.apart,
            "kept": [(name, value) for name, value in self.query.items() if name not in ("mark", "page") and value],
            "beside_filters": [(name, self.query[name]) for name in NOT_FILTERS if self.query.get(name)],
            "page_query": page_query(self.query),
            "plain_query": without(*REFINING),
            "apart_query": without("apart"),
        }


def asked(query: QueryDict) -> Asked:
    """Read an address. Raises NotHere for a choice that is none, CropRefused for a crop that is none."""
    form = ResultsForm(query)
    if not form.is_valid():
        raise faults.NotHere(_("There is no such collection, tag, format, date or size."))
    form.tell(facets.count(form.fields, form.filters(), Image.Status.INDEXED))
    return Asked(
        query,
        form,
        wanted_page(query),
        wanted_expansion(query),
        marks_of(query),
        wanted_crop(query),
        bool(query.get("apart")),
    )


def wanted_crop(query: QueryDict) -> Box | None:
    """The part of the photo that is sought, None for the whole. Raises CropRefused."""
    crop = query.get("crop")
    return crops.parse(crop) if crop else None


def stretch(page: int) -> dict[str, Any]:
    """The hits of a page and those around it, among which its copies may be."""
    first = (page - 1) * settings.RESULTS_PER_PAGE
    start = max(0, first - AROUND)
    return {"start": start, "count": first - start + settings.RESULTS_PER_PAGE + AROUND}


def on_page(hits: list[Hit], page: int) -> list[Hit]:
    """Those of the hits that stand on a page."""
    return [hit for hit in hits if (hit.rank - 1) // settings.RESULTS_PER_PAGE == page - 1]


def _without(query: QueryDict, *names: str) -> str:
    return page_query({name: value for name, value in query.items() if name not in names})
