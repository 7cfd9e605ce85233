"""Collections and tags, with their number of images."""

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from catalog.admin.audit import AuditedAdmin
from catalog.models import Collection, Tag


class GroupAdmin(AuditedAdmin):
    list_display = ("name", "image_count")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(image_count=Count("images"))

    @admin.display(description=_("images"), ordering="image_count")
    def image_count(self, group: Collection | Tag) -> int:
        return group.image_count  # type: ignore[union-attr]  # an annotation of the queryset


admin.site.register(Collection, GroupAdmin)
admin.site.register(Tag, GroupAdmin)
