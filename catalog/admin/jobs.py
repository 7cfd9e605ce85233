"""The admin pages of jobs: a form requests a job, a worker runs it, and a page shows its progress."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from catalog.admin.audit import AuditedAdmin
from catalog.services.jobs.queue import JobQueue

REFRESH_SECONDS = "2"


class JobAdmin(AuditedAdmin):
    """Admin of a model of jobs.

    Attributes:
        queue: of these jobs. Unfinished ones cannot be deleted: a worker may be running them.
    """

    queue: JobQueue[Any]

    def has_change_permission(self, request: HttpRequest, job: Any = None) -> bool:
        return False  # The change page shows the progress.

    def has_delete_permission(self, request: HttpRequest, job: Any = None) -> bool:
        return not (job and self.queue.is_unfinished(job)) and super().has_delete_permission(request, job)

    def start_page(self, request: HttpRequest, title: object, context: dict[str, object]) -> HttpResponse:
        """Return the page with the form that requests a job."""
        return TemplateResponse(request, "admin/catalog/start_form.html", self._page_context(request, title) | context)

    def progress_page(
        self, request: HttpRequest, title: object, context: dict[str, object], *, reloads: bool
    ) -> HttpResponse:
        """Return the page that shows the progress of a job.

        Args:
            reloads: whether it reloads after REFRESH_SECONDS.
        """
        template = f"admin/catalog/{self.opts.model_name}/progress.html"
        response = TemplateResponse(request, template, self._page_context(request, title) | context)
        if reloads:
            response["Refresh"] = REFRESH_SECONDS
        return response

    def _page_context(self, request: HttpRequest, title: object) -> dict[str, object]:
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "list_url": reverse(f"admin:catalog_{self.opts.model_name}_changelist"),
        }
