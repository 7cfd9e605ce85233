import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services.backup import restoration


class Command(CatalogueCommand):
    help = (
        "Restore a backup into an empty catalogue, on this or another machine, on the same or the other kind of "
        "database. Accounts and API tokens become those of the backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="IN.tar", help="a file that `backup` wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        started_at = time.monotonic()
        with progress_bars() as progress:
            summary = restoration.restore(options["file"], progress)
        result = {
            "images": summary.images,
            "segments": summary.segments,
            "missing_originals": summary.missing_originals,
            "seconds": round(time.monotonic() - started_at, 3),
        }
        if options["json"]:
            self.write_json(result)
        else:
            self.stdout.write("Restored {images:,} images and {segments:,} segments.".format(**result))
        if summary.missing_originals:
            self.stderr.write(
                f"{summary.missing_originals} originals are not in the media storage. Copy them there, to the names in "
                "originals.sha256 of the backup."
            )
