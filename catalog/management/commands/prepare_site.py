import os
import secrets
import socket
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from catalog.management.base import CatalogueCommand
from catalog.models import Image
from catalog.services.index import spaces
from catalog.services.ingest import demo


class Command(CatalogueCommand):
    help = "Prepare the site: database tables, weights, an administrator and, in an empty catalogue, the demo."
    supports_json = False

    def handle(self, *args: Any, **options: Any) -> None:
        if "PORT" in os.environ:
            _check_port(os.environ.get("HOST", "127.0.0.1"), os.environ["PORT"])
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        settings.BROKER_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        if spaces.active_generation() is None:
            self._write_progress("Choosing the network…")
            spaces.get_or_create_active_space()
        if not Image.objects.exists():
            self._write_progress("Drawing the demo pictures…")
            demo.load_demo()
        self._write_access_details(self._create_administrator())

    def _write_progress(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()

    def _create_administrator(self) -> str | None:
        """Create the first administrator. Return name and password for display; None if there is an administrator."""
        users = get_user_model().objects
        if users.filter(is_superuser=True).exists():
            return None
        password = secrets.token_urlsafe(9)
        name = "admin" if not users.filter(username="admin").exists() else "administrator"
        users.create_superuser(name, password=password)
        return f"{name}   password: {password}"

    def _write_access_details(self, credentials: str | None) -> None:
        if "PORT" in os.environ:
            site_url = f"http://{os.environ.get('HOST', '127.0.0.1')}:{os.environ['PORT']}/"
            self.stdout.write(self.style.SUCCESS(f"\nSearch by photo: {site_url}   (stop with Ctrl+C)"))
        if credentials:
            self.stdout.write(f"Administrator:   {credentials}   (shown only once)")
        else:
            self.stdout.write(
                "Administrator:   already exists. "
                "To change the password, run: .venv/bin/python manage.py changepassword NAME"
            )


def _check_port(host: str, port: str) -> None:
    """Raise CommandError if the port is in use. The web server would find out only after a second worker started."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"PORT is {port!r}; it must be a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used: {error.strerror}. If the site is not already running, choose "
                "another port: PORT=9000 make run"
            ) from error
