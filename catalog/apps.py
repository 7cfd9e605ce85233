import os
from contextlib import suppress
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        from catalog import checks  # noqa: F401 - registers the system checks
        from catalog.services.accounts import sign_ins  # noqa: F401 - receives signals

        make_database_private(settings.DATABASES["default"])
        # Celery's filesystem transport and WhiteNoise need existing folders. A system check reports folders that
        # cannot be created.
        with suppress(OSError):
            for folder in (settings.BROKER_DIR, settings.STATIC_ROOT):
                folder.mkdir(parents=True, exist_ok=True)


def make_database_private(database: dict[str, object]) -> None:
    """Let no other user of this machine read SQLite's files. They contain the sessions and the hashes of passwords.

    The file is created here if need be: SQLite creates it readable for everybody, and its log like the file itself. A
    system check reports a folder that cannot be written to.

    Args:
        database: its settings, as Django has them.
    """
    if database["ENGINE"] != "django.db.backends.sqlite3" or database["NAME"] == ":memory:":
        return
    path = Path(str(database["NAME"]))
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
