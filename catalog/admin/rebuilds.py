"""Rebuilds of the index: a form requests one, a worker runs it, and a page shows its progress."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalog.admin.imports import REFRESH_SECONDS
from catalog.error_messages import error_message
from catalog.exceptions import ImageSearchError
from catalog.forms import RebuildForm
from catalog.models import Rebuild
from catalog.services.index import generation_summary, networks_at_hand, rebuild_queue
from catalog.services.index.training.code_specs import CodeSpec


@admin.register(Rebuild)
class RebuildAdmin(admin.ModelAdmin):
    list_display = ("id", "state", "reextract", "generation", "created_by", "created_at")
    list_filter = ("state",)

    def has_change_permission(self, request: HttpRequest, rebuild: Rebuild | None = None) -> bool:
        return False  # The change page shows the progress.

    def has_delete_permission(self, request: HttpRequest, rebuild: Rebuild | None = None) -> bool:
        finished = rebuild is None or not rebuild_queue.QUEUE.is_unfinished(rebuild)
        return finished and super().has_delete_permission(request, rebuild)

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
        context = self._base_context(request, _("Rebuild the index")) | {
            "form": form,
            "explanation": explanation,
            "submit_label": _("Start rebuild"),
        }
        return TemplateResponse(request, "admin/catalog/start_form.html", context)

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
        context = self._base_context(request, _("Index rebuild")) | {
            "rebuild": rebuild,
            "summary_lines": summary_lines,
        }
        response = TemplateResponse(request, "admin/catalog/rebuild/progress.html", context)
        if rebuild_queue.QUEUE.is_unfinished(rebuild):
            response["Refresh"] = REFRESH_SECONDS
        return response

    def _base_context(self, request: HttpRequest, title: object) -> dict[str, object]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "list_url": reverse("admin:catalog_rebuild_changelist"),
        }


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
        form.add_error(None, error_message(error))
        return None
