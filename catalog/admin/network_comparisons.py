"""Comparisons of networks: a form requests one, a worker runs it, and a page shows its progress and result."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _

from catalog.admin.jobs import JobAdmin
from catalog.error_messages import staff_message
from catalog.exceptions import ImageSearchError
from catalog.forms import NetworkComparisonForm
from catalog.models import NetworkComparison
from catalog.services.maintenance import comparison_queue

ALTERATION_LABELS = {
    "q40": _("saved as JPEG of quality 40"),
    "half": _("half the size"),
    "crop10": _("a tenth cut off at each edge"),
    "turn5": _("turned by 5°"),
    "mirror": _("mirrored"),
}


@admin.register(NetworkComparison)
class NetworkComparisonAdmin(JobAdmin):
    queue = comparison_queue.QUEUE
    list_display = ("id", "state", "recommended", "sample", "created_by", "created_at")
    list_filter = ("state",)

    @admin.display(description=_("recommended network"))
    def recommended(self, comparison: NetworkComparison) -> str:
        return (comparison.result or {}).get("recommended") or "–"

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Request a comparison."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NetworkComparisonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (comparison := _request_comparison(form, request)):
            return redirect("admin:catalog_networkcomparison_change", comparison.pk)
        explanation = _(
            "The networks that are installed are compared on random images of the catalogue, in the background. "
            "Nothing is changed."
        )
        context = {"form": form, "explanation": explanation, "submit_label": _("Start comparison")}
        return self.start_page(request, _("Compare networks"), context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Show the progress of a comparison, or its result. The page reloads until it is finished."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        comparison = get_object_or_404(NetworkComparison, pk=object_id if object_id.isdecimal() else 0)
        networks = (comparison.result or {}).get("networks", [])
        measured = [network for network in networks if not network["error"]]
        context = {
            "comparison": comparison,
            "measured": measured,
            "failed": [network for network in networks if network["error"]],
            "alterations": [
                (label, [network["copies"].get(name) for network in measured])
                for name, label in ALTERATION_LABELS.items()
            ],
        }
        return self.progress_page(
            request, _("Network comparison"), context, reloads=self.queue.is_unfinished(comparison)
        )


def _request_comparison(form: NetworkComparisonForm, request: HttpRequest) -> NetworkComparison | None:
    """Enqueue the comparison of a valid form. Return None and add an error to the form if it is rejected."""
    cleaned = form.cleaned_data
    try:
        return comparison_queue.enqueue(labels=cleaned["labels"], sample=cleaned["sample"], user=request.user)
    except ImageSearchError as error:
        form.add_error(None, staff_message(error))
        return None
