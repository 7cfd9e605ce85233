"""What the store holds and which generation serves: to look at, not to change."""

from django.contrib import admin
from django.http import HttpRequest

from catalog.models import Generation, Segment


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = ("pk", "state", "space", "created_at", "activated_at")


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ("name", "space", "rows", "created_at")
    list_filter = ("space",)
