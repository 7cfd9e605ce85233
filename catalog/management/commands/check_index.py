import sys
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services import integrity

SHOWN = 50


class Command(CatalogueCommand):
    help = "Verify that the files of the store and the rows of the database agree; exit status 1 where they do not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--repair",
            action="store_true",
            help="take over or describe again what is lost, and remove files that nothing names",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bars() as progress:
            report = integrity.repair(progress) if options["repair"] else integrity.check(progress)
        for problem in report.problems[:SHOWN]:
            self.stderr.write(problem)
        if len(report.problems) > SHOWN:
            self.stderr.write(f"… and {len(report.problems) - SHOWN} more.")
        answer = {name: value for name, value in report.as_json().items() if name != "problems"}
        if options["json"]:
            self.give(answer)
        else:
            told = (
                "{images} images: {indexed} searchable, {pending} waiting, {failed} failed. {segments} segments: "
                "{missing} missing, {corrupt} damaged; {orphans} files that nothing names."
            )
            self.stdout.write(told.format(**answer))
            self.stdout.write(self._verdict(report))
        if not report.ok:
            sys.exit(1)

    def _verdict(self, report: integrity.Report) -> str:
        if not report.ok:
            return self.style.ERROR("Something is wrong. To mend it, run: python manage.py check_index --repair")
        return self.style.SUCCESS("All is well.")
