"""What the store holds and which generation serves: to look at, not to change."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.models import Generation, Segment
from catalog.services import learning


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
