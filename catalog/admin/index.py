"""Generations and segments, read-only. The previous generation can be restored."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from catalog.error_messages import staff_message
from catalog.exceptions import ImageSearchError
from catalog.models import Generation, Segment
from catalog.services.index import activation, generation_summary, rebuilding
from catalog.services.jobs import dispatch
from catalog.services.maintenance import health


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "state",
        "space",
        "training_image_count",
        "has_projection",
        "score_summary",
        "created_at",
        "activated_at",
    )
    fields = (
        "state",
        "space",
        "created_at",
        "activated_at",
        "training_image_count",
        "projection_summary",
        "teaching_summary",
        "code_summary",
        "score_summary",
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """Show the generations, and how to choose a network."""
        return super().changelist_view(request, {"network_note": health.network_note(), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        rollback_url = path("rollback/", self.admin_site.admin_view(self.rollback), name="catalog_generation_rollback")
        return [rollback_url, *super().get_urls()]

    def rollback(self, request: HttpRequest) -> HttpResponse:
        """Ask for confirmation, then restore the previous generation."""
        if not request.user.has_perm("catalog.add_rebuild"):
            raise PermissionDenied
        previous = activation.previous_generation()
        if request.method != "POST" and previous:
            return TemplateResponse(
                request, "admin/catalog/start_form.html", self._confirmation_context(request, previous)
            )
        try:
            result = rebuilding.rollback()
        except ImageSearchError as error:
            messages.error(request, staff_message(error))
        else:
            # If the feature space changes too, images added since then have no descriptor in it.
            dispatch.notify_pending_images()
            messages.success(request, _("Generation {pk} is active again.").format(pk=result.generation.pk))
        return redirect("admin:catalog_generation_changelist")

    def _confirmation_context(self, request: HttpRequest, previous: Generation) -> dict[str, object]:
        explanation = _("Searches will use generation {pk} again. You can undo this in the same way.")
        return {
            **self.admin_site.each_context(request),
            "title": _("Roll back to the previous generation"),
            "opts": self.model._meta,
            "list_url": reverse("admin:catalog_generation_changelist"),
            "explanation": explanation.format(pk=previous.pk),
            "submit_label": _("Roll back"),
        }

    @admin.display(description=_("projection"), boolean=True)
    def has_projection(self, generation: Generation) -> bool:
        return generation.projection_id is not None

    @admin.display(description=_("comparison"))
    def projection_summary(self, generation: Generation) -> str:
        return generation_summary.describe_projection(generation)

    @admin.display(description=_("what labels teach"))
    def teaching_summary(self, generation: Generation) -> str:
        return generation_summary.describe_teaching(generation)

    @admin.display(description=_("binary codes"))
    def code_summary(self, generation: Generation) -> str:
        return generation_summary.describe_codes(generation)

    @admin.display(description=_("similarity levels"))
    def score_summary(self, generation: Generation) -> str:
        return generation_summary.describe_score_levels(generation)


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "space", "rows", "created_at")
    list_filter = ("space",)
