from contextlib import suppress

from django.apps import AppConfig
from django.conf import settings


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Search by photo"

    def ready(self) -> None:
        from catalog import checks  # noqa: F401 - registers the system checks

        # The filesystem transport wants its folder to be there. Where it cannot be made, a system check tells.
        with suppress(OSError):
            settings.BROKER_DIR.mkdir(parents=True, exist_ok=True)
