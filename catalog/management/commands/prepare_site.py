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
from catalog.services import demo, indexing, rebuilding, spaces


class Command(CatalogueCommand):
    help = "Make an installation ready to serve: tables, an administrator, weights, and a demo where it is empty."
    gives_json = False

    def handle(self, *args: Any, **options: Any) -> None:
        if "PORT" in os.environ:
            _check_port(os.environ.get("HOST", "127.0.0.1"), os.environ["PORT"])
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        settings.BROKER_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        if spaces.active() is None:
            self._say("Choosing the network that describes pictures …")
            spaces.active_or_first()
        if not Image.objects.exists():
            self._say("Drawing a demo catalogue …")
            demo.load()
            indexing.index_pending()
            rebuilding.keep_up()
        self._tell(self._administrator())

    def _say(self, what: str) -> None:
        self.stdout.write(what)
        self.stdout.flush()

    def _administrator(self) -> str | None:
        """Make the first administrator; name and password, which is shown this once."""
        users = get_user_model().objects
        if users.filter(is_superuser=True).exists():
            return None
        password = secrets.token_urlsafe(9)
        name = "admin" if not users.filter(username="admin").exists() else "administrator"
        users.create_superuser(name, password=password)
        return f"{name}   password: {password}"

    def _tell(self, made: str | None) -> None:
        if "PORT" in os.environ:
            address = f"http://{os.environ.get('HOST', '127.0.0.1')}:{os.environ['PORT']}/"
            self.stdout.write(self.style.SUCCESS(f"\nSearch by photo: {address}   (stop with Ctrl+C)"))
        if made:
            self.stdout.write(f"Administrator:   {made}   (shown this once)")
        else:
            self.stdout.write("Administrator:   as made before; to set a new password: manage.py changepassword admin")


def _check_port(host: str, port: str) -> None:
    """Refuse before anything starts: a second worker would be at work already when the web server found out."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"PORT is {port!r}; it takes a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as fault:
            raise CommandError(
                f"Port {port} of {host} cannot be used: {fault.strerror}. Is the site running already? "
                "Another port: PORT=9000 make run"
            ) from fault
