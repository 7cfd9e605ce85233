"""What search engines may read."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

# Results of searches, files as they came, and what needs an account.
CLOSED_PATHS = (
    *("/accounts/", "/admin/", "/api/", "/i18n/", "/map/", "/media/originals/", "/metrics", "/saved/", "/search/"),
    *("/upload/", "/images/*/explanation/", "/images/*/similar/"),
)


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Serve robots.txt. Without an account, all of the site is closed if searching needs one."""
    closed = ["/"] if settings.SEARCH_REQUIRES_LOGIN else CLOSED_PATHS
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed)]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")
