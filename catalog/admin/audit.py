"""The audit log, read-only; and the entries that changes in the admin make."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from catalog.admin.index import ReadOnlyAdmin
from catalog.models import AuditEntry
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action


class AuditedAdmin(admin.ModelAdmin):
    """Records what is added, changed and deleted."""

    def log_addition(self, request: HttpRequest, instance: Any, message: Any) -> Any:
        audit.record(Action.ADDED, instance)
        return super().log_addition(request, instance, message)

    def log_change(self, request: HttpRequest, instance: Any, message: Any) -> Any:
        if message:  # empty: the form was saved without a change
            audit.record(Action.CHANGED, instance)
        return super().log_change(request, instance, message)

    def delete_model(self, request: HttpRequest, instance: Any) -> None:
        with transaction.atomic():
            audit.record(Action.DELETED, instance)
            super().delete_model(request, instance)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        with transaction.atomic():
            audit.record(Action.DELETED, *queryset)
            super().delete_queryset(request, queryset)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "user_name", "address", "action", "target", "count", "origin", "request_id")
    list_filter = ("action", "origin", "at", "user_name")
    search_fields = ("user_name", "address", "target", "request_id")
    date_hierarchy = "at"
    list_per_page = 100
    show_full_result_count = False
    fields = list_display
