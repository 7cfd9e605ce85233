"""Bulk imports: a form starts one, a worker runs it, and a page shows its progress."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.admin.jobs import JobAdmin
from catalog.error_messages import staff_message
from catalog.exceptions import FolderRejected, StoreUnavailable
from catalog.forms import ImportForm
from catalog.models import Image, Import, ImportedFile
from catalog.services.ingest import imports, sources


@admin.register(Import)
class ImportAdmin(JobAdmin):
    queue = imports.QUEUE
    list_display = ("name", "state", "file_count", "collection", "created_by", "created_at")
    list_filter = ("state",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and request.user.has_perm("catalog.add_image")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Start an import of an uploaded archive or a folder on the server."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        form.fields["folder"].help_text = format_lazy(
            _("A folder in {root}. Other folders are not allowed (see IMAGESEARCH_IMPORT_ROOT)."),
            root=sources.import_root(),
        )
        if request.method == "POST" and form.is_valid() and (bulk_import := _start_import(form, request)):
            return redirect("admin:catalog_import_change", bulk_import.pk)
        return self.start_page(request, _("New bulk import"), {"form": form, "submit_label": _("Start import")})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """Show the progress of an import and its rejected files. The page reloads until all images are indexed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        bulk_import = get_object_or_404(Import, pk=object_id if object_id.isdecimal() else 0)
        outcome_counts = dict(bulk_import.files.order_by().values_list("outcome").annotate(Count("pk")))
        pending_count = bulk_import.files.filter(image__status=Image.Status.PENDING).count()
        rejected = bulk_import.files.filter(outcome=ImportedFile.Outcome.REJECTED)
        failed = bulk_import.files.filter(image__status=Image.Status.FAILED).select_related("image")
        page = Paginator(rejected, 200).get_page(request.GET.get("page"))
        context = {
            "bulk_import": bulk_import,
            "processed_count": sum(outcome_counts.values()),
            "outcome_counts": [(label, outcome_counts.get(value, 0)) for value, label in ImportedFile.Outcome.choices],
            "pending_count": pending_count,
            "rejected": page,
            "page_range": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
            "failed": failed[:200],
        }
        reloads = pending_count > 0 or self.queue.is_unfinished(bulk_import)
        return self.progress_page(request, _("Bulk import"), context, reloads=reloads)


def _start_import(form: ImportForm, request: HttpRequest) -> Import | None:
    """Enqueue the import of a valid form. Return None and add an error to the form if it is rejected."""
    cleaned = form.cleaned_data
    try:
        return imports.enqueue(
            folder=sources.resolve_import_folder(cleaned["folder"]) if cleaned["folder"] else None,
            archive=cleaned["archive"],
            collection=cleaned["collection"],
            from_folders=cleaned["collections_from_folders"],
            user=request.user,
        )
    except (FolderRejected, StoreUnavailable) as error:
        form.add_error("folder" if cleaned["folder"] else "archive", staff_message(error))
        return None
