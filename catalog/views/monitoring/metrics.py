"""The metrics of the site, for Prometheus."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from catalog.services.maintenance.metrics import render_metrics


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Serve the metrics to those who send the token of the settings, and to staff. Nobody else learns of them."""
    if not _has_token(request) and not request.user.is_staff:
        raise Http404
    return HttpResponse(render_metrics(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return (
        bool(settings.METRICS_TOKEN)
        and scheme.lower() == "bearer"
        and constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    )
