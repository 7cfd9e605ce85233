from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Search by photo"

    def ready(self) -> None:
        from catalog import checks  # noqa: F401 - registers the system checks

        # Celery's filesystem transport and WhiteNoise want their folders to be there. Where they cannot be made,
        # a system check tells.
        with suppress(OSError):
            for folder in (settings.BROKER_DIR, settings.STATIC_ROOT):
                folder.mkdir(parents=True, exist_ok=True)
