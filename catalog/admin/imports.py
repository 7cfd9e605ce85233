"""Bulk imports: begun with a form, run by a worker, followed on a page."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.exceptions import FolderRefused, StoreUnavailable
from catalog.forms import ImportForm
from catalog.models import Image, Import, ImportedFile
from catalog.services import found_files, imports
from catalog.views.faults import sentence

REFRESH_SECONDS = "2"


@admin.register(Import)
class ImportAdmin(admin.ModelAdmin):
    list_display = ("name", "state", "found", "collection", "created_by", "created_at")
    list_filter = ("state",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and request.user.has_perm("catalog.add_image")

    def has_change_permission(self, request: HttpRequest, run: Import | None = None) -> bool:
        return False  # an import is followed, not changed

    def has_delete_permission(self, request: HttpRequest, run: Import | None = None) -> bool:
        # A worker may be at one that is not finished.
        finished = run is None or run.state in (Import.State.DONE, Import.State.FAILED)
        return finished and super().has_delete_permission(request, run)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """An archive sent along, or a folder on the server."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        form.fields["folder"].help_text = format_lazy(
            _(
                "A folder below {root}, the only place on the server that pictures are imported from "
                "(IMAGESEARCH_IMPORT_ROOT)."
            ),
            root=found_files.import_root(),
        )
        if request.method == "POST" and form.is_valid() and (run := _begin(form, request)):
            return redirect("admin:catalog_import_change", run.pk)
        context = self._context(request, _("New bulk import")) | {"form": form}
        return TemplateResponse(request, "admin/catalog/begin.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        """How an import stands, and every file that was refused. Looks again by itself until all is done."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = get_object_or_404(Import, pk=object_id if object_id.isdecimal() else 0)
        outcomes = dict(run.files.order_by().values_list("outcome").annotate(Count("pk")))
        waiting = run.files.filter(image__status=Image.Status.PENDING).count()
        refused = run.files.filter(outcome=ImportedFile.Outcome.REFUSED)
        failed = run.files.filter(image__status=Image.Status.FAILED).select_related("image")
        page = Paginator(refused, 200).get_page(request.GET.get("page"))
        context = self._context(request, _("Bulk import")) | {
            "run": run,
            "done": sum(outcomes.values()),
            "outcomes": [(label, outcomes.get(value, 0)) for value, label in ImportedFile.Outcome.choices],
            "waiting": waiting,
            "refused": page,
            "pages": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
            "failed": failed[:200],
        }
        answer = TemplateResponse(request, "admin/catalog/import/progress.html", context)
        if waiting or run.state in (Import.State.WAITING, Import.State.RUNNING):
            answer["Refresh"] = REFRESH_SECONDS
        return answer

    def _context(self, request: HttpRequest, title: object) -> dict[str, object]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.model._meta,
            "list_url": reverse("admin:catalog_import_changelist"),
        }


def _begin(form: ImportForm, request: HttpRequest) -> Import | None:
    """Begin the import that a valid form asks for; None where it is refused, which the form then says."""
    given = form.cleaned_data
    try:
        return imports.begin(
            folder=found_files.within_import_root(given["folder"]) if given["folder"] else None,
            archive=given["archive"],
            collection=given["collection"],
            from_folders=given["collections_from_folders"],
            user=request.user,
        )
    except (FolderRefused, StoreUnavailable) as fault:
        form.add_error("folder" if given["folder"] else "archive", sentence(fault))
        return None
