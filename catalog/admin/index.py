"""What the store holds and which generation serves: to look at; the one before can be brought back."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from catalog.exceptions import ImageSearchError
from catalog.models import Generation, Segment
from catalog.services import hints, learning, rebuilding
from catalog.views.faults import sentence


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = ("pk", "state", "space", "learned_from", "whitened", "scores", "created_at", "activated_at")
    fields = ("state", "space", "created_at", "activated_at", "learned_from", "comparison", "codes", "scores")

    def get_urls(self) -> list[URLPattern]:
        rollback = path("rollback/", self.admin_site.admin_view(self.rollback), name="catalog_generation_rollback")
        return [rollback, *super().get_urls()]

    def rollback(self, request: HttpRequest) -> HttpResponse:
        """Ask, and then bring the generation before back."""
        if not request.user.has_perm("catalog.add_rebuild"):
            raise PermissionDenied
        before = rebuilding.before()
        if request.method != "POST" and before:
            return TemplateResponse(request, "admin/catalog/begin.html", self._asking(request, before))
        try:
            made = rebuilding.rollback()
        except ImageSearchError as fault:
            messages.error(request, sentence(fault))
        else:
            hints.work_is_waiting()  # what came in since is not described in its space, if that is another one
            messages.success(request, _("Generation {pk} serves again.").format(pk=made.generation.pk))
        return redirect("admin:catalog_generation_changelist")

    def _asking(self, request: HttpRequest, before: Generation) -> dict[str, object]:
        explained = _("Generation {pk} serves again from the next search on, and this can be undone the same way.")
        return {
            **self.admin_site.each_context(request),
            "title": _("Bring the generation before back"),
            "opts": self.model._meta,
            "list_url": reverse("admin:catalog_generation_changelist"),
            "explained": explained.format(pk=before.pk),
            "begin": _("Bring it back"),
        }

    @admin.display(description=_("whitened"), boolean=True)
    def whitened(self, generation: Generation) -> bool:
        return generation.projection_id is not None

    @admin.display(description=_("descriptors are"))
    def comparison(self, generation: Generation) -> str:
        return learning.comparison_in_words(generation)

    @admin.display(description=_("codes"))
    def codes(self, generation: Generation) -> str:
        return learning.codes_in_words(generation)

    @admin.display(description=_("what scores mean"))
    def scores(self, generation: Generation) -> str:
        return learning.scores_in_words(generation)


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "space", "rows", "created_at")
    list_filter = ("space",)
