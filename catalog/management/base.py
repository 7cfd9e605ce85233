"""What the commands share: faults as sentences, progress bars, and the last line as JSON."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from catalog.exceptions import ImageSearchError, SegmentDamaged
from catalog.services import database, health
from catalog.services.refining import MOST_EXPANDED

Progress = Callable[[str, int, int], None]

EXPAND_HELP = "search again with the N best images added to the query, which finds more of its kind (0: do not)"


class CatalogueCommand(BaseCommand):
    """A command whose faults are sentences, and which tells when the compact network is in use."""

    requires_system_checks: list[str] = []

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(*args, **kwargs)
        if self.gives_json:
            parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
        return parser

    gives_json = True

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            answer = super().execute(*args, **options)
            self._warn()
        except SegmentDamaged as fault:
            raise CommandError(f"{fault} To mend it, run: python manage.py check_index --repair") from fault
        except ImageSearchError as fault:
            raise CommandError(str(fault)) from fault
        except database.FAULTS as fault:
            raise CommandError(str(database.explained(fault))) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename or 'A file'}: {fault.strerror or fault}.") from fault
        except KeyboardInterrupt:
            raise CommandError("Stopped. What was finished is kept; run it again to go on.", returncode=130) from None
        return answer

    def give(self, answer: dict[str, Any]) -> None:
        """Print the JSON object."""
        self.stdout.write(json.dumps(answer, ensure_ascii=False))

    def _warn(self) -> None:
        with suppress(DatabaseError):  # a command that succeeded without the catalogue does not fail of it now
            if notice := health.notice():
                self.stderr.write(self.style.WARNING(notice))


def check_expand(count: int) -> None:
    """Refuse a value of `--expand` that is none."""
    if not 0 <= count <= MOST_EXPANDED:
        raise CommandError(f"--expand is {count}; it takes 0 to {MOST_EXPANDED}.")


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A function to call with (phase, done, total); it draws a bar for each phase, in a terminal only."""
    bars: dict[str, tqdm] = {}

    def show(phase: str, done: int, total: int) -> None:
        bar = bars.setdefault(phase, tqdm(desc=phase, total=total, disable=not sys.stderr.isatty(), leave=True))
        bar.total = total
        bar.update(done - bar.n)

    try:
        yield show
    finally:
        for bar in bars.values():
            bar.close()
