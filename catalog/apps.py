from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from catalog import checks  # noqa: F401 - registers the system checks

        # Celery's filesystem transport and WhiteNoise need existing folders. A system check reports folders that
        # cannot be created.
        with suppress(OSError):
            for folder in (settings.BROKER_DIR, settings.STATIC_ROOT):
                folder.mkdir(parents=True, exist_ok=True)
