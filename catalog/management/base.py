"""The base class of the commands: readable errors, progress bars and JSON output."""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from catalog import database_errors
from catalog.exceptions import ImageSearchError, SegmentDamaged
from catalog.services.accounts.actor import Actor, acting_as
from catalog.services.maintenance import health
from catalog.services.search.feedback import MAX_EXPANSION_IMAGES

Progress = Callable[[str, int, int], None]

EXPAND_HELP = "add the N best images to the query and search again, to find more images of the same kind (default: 0)"


class CatalogueCommand(BaseCommand):
    """A command that reports expected errors without a traceback, and prints the warning for staff, if there is one.

    Attributes:
        supports_json: whether the command has the option `--json`.
    """

    requires_system_checks: list[str] = []
    supports_json = True

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(*args, **kwargs)
        if self.supports_json:
            parser.add_argument("--json", action="store_true", help="print the result as JSON on the last line")
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            with acting_as(Actor("command", name=_system_user())):
                output = super().execute(*args, **options)
            self._write_status_message()
        except SegmentDamaged as error:
            raise CommandError(f"{error} To repair it, run: python manage.py check_index --repair") from error
        except ImageSearchError as error:
            raise CommandError(str(error)) from error
        except database_errors.DATABASE_ERRORS as error:
            raise CommandError(str(database_errors.to_catalog_error(error))) from error
        except OSError as error:
            raise CommandError(f"{error.filename or 'A file'}: {error.strerror or error}.") from error
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. Completed work is kept; run the command again to continue.", returncode=130
            ) from None
        return output

    def write_json(self, result: dict[str, Any]) -> None:
        """Print `result` as one line of JSON."""
        self.stdout.write(json.dumps(result, ensure_ascii=False))

    def _write_status_message(self) -> None:
        with suppress(DatabaseError):  # a command that needs no tables succeeds without them
            if message := health.status_message():
                self.stderr.write(self.style.WARNING(message))


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # as in a container whose user has no name
        return f"user {os.getuid()}"


def check_expand(count: int) -> None:
    """Raise CommandError if a value of `--expand` is out of range."""
    if not 0 <= count <= MAX_EXPANSION_IMAGES:
        raise CommandError(f"--expand is {count}; it must be between 0 and {MAX_EXPANSION_IMAGES}.")


def check_output_file(path: Path) -> None:
    """Raise CommandError if no file can be written to `path`: its folder does not exist, or it is a folder itself."""
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {path.parent}. Create it or choose another one.")
    if path.is_dir():
        raise CommandError(f"{path} is a folder. Choose the name of a file.")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Yield a function of (phase, done, total) that draws a progress bar for each phase, if stderr is a terminal."""
    bars: dict[str, tqdm] = {}

    def update(phase: str, done: int, total: int) -> None:
        bar = bars.setdefault(phase, tqdm(desc=phase, total=total, disable=not sys.stderr.isatty(), leave=True))
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield update
    finally:
        for bar in bars.values():
            bar.close()
