import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services.ingest.foreground_imports import import_paths


class Command(CatalogueCommand):
    help = "Add pictures from files, folders and archives (ZIP, TAR) to the catalogue and index them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, a folder or an archive")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--collection", metavar="NAME", default="", help="add the pictures to this collection")
        group.add_argument(
            "--collections-from-folders",
            action="store_true",
            help="add each picture to a collection named after its folder",
        )
        parser.add_argument("--no-wait", action="store_true", help="leave the indexing to the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        started_at = time.monotonic()
        with progress_bars() as progress:
            summary = import_paths(
                options["paths"],
                collection=options["collection"],
                from_folders=options["collections_from_folders"],
                wait=not options["no_wait"],
                on_rejected=lambda result: self.stderr.write(f"{result.name}: {result.reason}"),
                progress=progress,
            )
        result = asdict(summary) | {"seconds": round(time.monotonic() - started_at, 3)}
        if options["json"]:
            self.write_json(result)
        else:
            message = (
                "{found} files: {added} added, {duplicates} duplicates, {rejected} rejected. "
                "{indexed} images indexed, {failed} failed. {seconds} s."
            )
            self.stdout.write(message.format(**result))
        if summary.found and summary.found == summary.rejected:
            sys.exit(1)  # tells scripts that nothing could be imported
