import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services import exchange


class Command(CatalogueCommand):
    help = "Write the descriptors of all searchable images, with the names of their files, to one HDF5 file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="OUT.h5", help="is replaced where it is there already")

    def handle(self, *args: Any, **options: Any) -> None:
        path, began = options["file"], time.monotonic()
        if not path.parent.is_dir():
            raise CommandError(f"There is no folder {path.parent} to write {path.name} to.")
        if path.is_dir():
            raise CommandError(f"{path} is a folder: name a file to write.")
        with progress_bars() as progress:
            rows = exchange.export(path, progress)
        answer = {"rows": rows, "bytes": path.stat().st_size, "seconds": round(time.monotonic() - began, 3)}
        if options["json"]:
            self.give(answer)
        else:
            self.stdout.write(f"{rows:,} descriptors are in {path}: dataset_1, with names in dataset_2 and digests.")
