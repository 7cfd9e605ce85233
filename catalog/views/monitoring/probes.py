"""Probes: whether the process is alive, and whether it is ready for requests."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from catalog.services.maintenance import readiness
from catalog.services.maintenance.readiness import State

HEADERS = {"Cache-Control": "no-store"}


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive. Uses no database, session or cookie."""
    return HttpResponse("ok\n", content_type="text/plain", headers=HEADERS)


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer with the result of each check, and status 503 if this process cannot serve requests.

    A degraded site can, so it has status 200; with `?strict` it has 503, too.
    """
    checks = readiness.recent_checks()
    state = readiness.overall_state(checks)
    content = {
        "state": state,
        "checks": {name: {"state": check.state, "message": check.message} for name, check in checks.items()},
    }
    is_ready = state == State.READY or (state == State.DEGRADED and "strict" not in request.GET)
    return JsonResponse(content, status=200 if is_ready else 503, headers=HEADERS)
