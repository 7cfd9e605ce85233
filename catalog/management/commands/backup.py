import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, check_output_file, progress_bars
from catalog.services.backup import creation

MAX_NAMES_SHOWN = 20


class Command(CatalogueCommand):
    help = (
        "Write the database, the segments and the pictures to one TAR file, while the site runs. The exit status is 1 "
        "if files of the catalogue were missing or damaged; everything else is in the backup then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="OUT.tar", help="the file to write; an existing one is replaced")
        parser.add_argument(
            "--without-originals",
            action="store_true",
            help="write a list of the originals and their digests instead, if they are kept elsewhere",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path, started_at = options["file"], time.monotonic()
        check_output_file(path)
        with progress_bars() as progress:
            summary = creation.create(path, with_originals=not options["without_originals"], progress=progress)
        seconds = round(time.monotonic() - started_at, 3)
        for problem, names in (("missing", summary.missing), ("damaged", summary.damaged)):
            for name in names[:MAX_NAMES_SHOWN]:
                self.stderr.write(f"{name} is {problem}.")
        result = summary.as_json() | {"bytes": path.stat().st_size, "seconds": seconds}
        if options["json"]:
            self.write_json(result)
        else:
            self.stdout.write("Wrote {images:,} images and {segments:,} segments.".format(**result))
        if summary.missing or summary.damaged:
            sys.exit(1)
