import sys
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services.maintenance import integrity

MAX_PROBLEMS_SHOWN = 50


class Command(CatalogueCommand):
    help = "Check that the files on disk and the database are consistent. The exit status is 1 if they are not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="register or rebuild what is missing or damaged, and delete orphaned files",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bars() as progress:
            report = integrity.repair(progress) if options["repair"] else integrity.check(progress)
        for problem in report.problems[:MAX_PROBLEMS_SHOWN]:
            self.stderr.write(problem)
        if len(report.problems) > MAX_PROBLEMS_SHOWN:
            self.stderr.write(f"… and {len(report.problems) - MAX_PROBLEMS_SHOWN} more.")
        result = {name: value for name, value in report.as_json().items() if name != "problems"}
        if options["json"]:
            self.write_json(result)
        else:
            message = (
                "{images} images: {indexed} indexed, {pending} pending, {failed} failed. "
                "{segments} segments. {missing} files missing, {corrupt} damaged, {orphans} orphaned."
            )
            self.stdout.write(message.format(**result))
            self.stdout.write(self._summary(report))
        if not report.ok:
            sys.exit(1)

    def _summary(self, report: integrity.IntegrityReport) -> str:
        if not report.ok:
            return self.style.ERROR("The index has problems. To repair it, run: python manage.py check_index --repair")
        return self.style.SUCCESS("No problems found.")
