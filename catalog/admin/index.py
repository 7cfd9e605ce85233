"""Generations and segments, read-only. The previous generation can be restored."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from catalog.error_messages import error_message
from catalog.exceptions import ImageSearchError
from catalog.models import Generation, Segment
from catalog.services.index import activation, generation_summary, rebuilding
from catalog.services.jobs import dispatch


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
        "whitened",
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
        "whitening_summary",
        "code_summary",
        "score_summary",
    )

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
            messages.error(request, error_message(error))
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

    @admin.display(description=_("whitened"), boolean=True)
    def whitened(self, generation: Generation) -> bool:
        return generation.whitening_id is not None

    @admin.display(description=_("whitening"))
    def whitening_summary(self, generation: Generation) -> str:
        return generation_summary.describe_whitening(generation)

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
