"""Rebuilds of the index: asked for with a form, run by a worker, followed on a page."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from catalog.admin.imports import REFRESH_SECONDS
from catalog.exceptions import ImageSearchError
from catalog.forms import RebuildForm
from catalog.models import Rebuild
from catalog.services import learning, wanted_rebuilds
from catalog.services.learning import Codes
from catalog.views.faults import sentence


@admin.register(Rebuild)
class RebuildAdmin(admin.ModelAdmin):
    list_display = ("pk", "state", "reextract", "generation", "created_by", "created_at")
    list_filter = ("state",)

    def has_change_permission(self, request: HttpRequest, wanted: Rebuild | None = None) -> bool:
        return False  # a rebuild is followed, not changed

    def has_delete_permission(self, request: HttpRequest, wanted: Rebuild | None = None) -> bool:
        finished = wanted is None or wanted.state not in wanted_rebuilds.UNFINISHED
        return finished and super().has_delete_permission(request, wanted)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """What the new generation is to be."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = RebuildForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and (wanted := _ask(form, request)):
            return redirect("admin:catalog_rebuild_change", wanted.pk)
        explained = _(
            "A new generation is built beside the one that serves, and swapped in when it is whole. "
            "Searches go on meanwhile."
        )
        context = self._context(request, _("Rebuild the index")) | {"form": form, "explained": explained}
        return TemplateResponse(request, "admin/catalog/begin.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """How a rebuild stands. Looks again by itself until it is done."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rebuilds = Rebuild.objects.select_related("generation__space", "generation__coder")
        wanted = get_object_or_404(rebuilds, pk=object_id if object_id.isdecimal() else 0)
        made = wanted.generation
        words = [learning.comparison_in_words(made), learning.codes_in_words(made)] if made else []
        context = self._context(request, _("Rebuild of the index")) | {"wanted": wanted, "words": words}
        answer = TemplateResponse(request, "admin/catalog/rebuild/progress.html", context)
        if wanted.state in wanted_rebuilds.UNFINISHED:
            answer["Refresh"] = REFRESH_SECONDS
        return answer

    def _context(self, request: HttpRequest, title: object) -> dict[str, object]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "list_url": reverse("admin:catalog_rebuild_changelist"),
        }


def _ask(form: RebuildForm, request: HttpRequest) -> Rebuild | None:
    """The rebuild that a valid form asks for; None where it is refused, which the form then says."""
    given = form.cleaned_data
    try:
        return wanted_rebuilds.ask(
            reextract=given["reextract"],
            extractor=given["extractor"],
            codes=Codes(labels=given["labels"] or None),
            user=request.user,
        )
    except ImageSearchError as fault:
        form.add_error(None, sentence(fault))
        return None
