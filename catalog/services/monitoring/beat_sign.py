"""The sign that `celery beat` gives whenever it has sent a task: the time of a file that all processes see."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings


# Any: the arguments of Celery's signal.
def record(**_: Any) -> None:
    """Note that beat is alive now. Raises OSError."""
    _path().touch()


def seconds_since() -> float | None:
    """Return how long ago beat last gave a sign; None if it never did."""
    try:
        return max(0.0, time.time() - _path().stat().st_mtime)
    except FileNotFoundError:
        return None


def _path() -> Path:
    return settings.VAR_DIR / "beat-sign"
