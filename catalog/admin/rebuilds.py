"""Rebuilds of the index: a form requests one, a worker runs it, and a page shows its progress."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_lazy as _

from catalog.admin.jobs import JobAdmin
from catalog.error_messages import staff_message
from catalog.exceptions import ImageSearchError
from catalog.forms import RebuildForm
from catalog.models import Rebuild
from catalog.services.index import generation_summary, networks_at_hand, rebuild_queue
from catalog.services.index.training.code_specs import CodeSpec


@admin.register(Rebuild)
class RebuildAdmin(JobAdmin):
    queue = rebuild_queue.QUEUE
    list_display = ("id", "state", "reextract", "generation", "created_by", "created_at")
    list_filter = ("state",)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Request a rebuild."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RebuildForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (rebuild := _request_rebuild(form, request)):
            return redirect("admin:catalog_rebuild_change", rebuild.pk)
        explanation = _(
            "A new generation is built in the background and activated when it is complete. "
            "Searches keep using the current one until then."
        )
        context = {"form": form, "explanation": explanation, "submit_label": _("Start rebuild")}
        return self.start_page(request, _("Rebuild the index"), context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Show the progress of a rebuild. The page reloads until it is finished."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rebuilds = Rebuild.objects.select_related("generation__space", "generation__encoder")
        rebuild = get_object_or_404(rebuilds, pk=object_id if object_id.isdecimal() else 0)
        generation = rebuild.generation
        summary_lines = generation_summary.describe(generation) if generation else []
        context = {"rebuild": rebuild, "summary_lines": summary_lines}
        return self.progress_page(request, _("Index rebuild"), context, reloads=self.queue.is_unfinished(rebuild))


def _request_rebuild(form: RebuildForm, request: HttpRequest) -> Rebuild | None:
    """Enqueue the rebuild of a valid form. Return None and add an error to the form if it is rejected."""
    cleaned = form.cleaned_data
    extractor = cleaned["extractor"]
    try:
        if extractor and not networks_at_hand.is_conversion_pending(extractor):  # that is the worker's task
            networks_at_hand.open_for_rebuild(extractor)
        return rebuild_queue.enqueue(
            reextract=cleaned["reextract"],
            extractor=extractor,
            code_spec=CodeSpec(labels=cleaned["labels"] or None),
            user=request.user,
        )
    except ImageSearchError as error:
        form.add_error(None, staff_message(error))
        return None
