import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, check_output_file, progress_bars
from catalog.services.maintenance import feature_exchange


class Command(CatalogueCommand):
    help = "Export the descriptors of all searchable images, with their file names, to an HDF5 file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="OUT.h5", help="the file to write; an existing file is replaced")

    def handle(self, *args: Any, **options: Any) -> None:
        path, started_at = options["file"], time.monotonic()
        check_output_file(path)
        with progress_bars() as progress:
            rows = feature_exchange.export(path, progress)
        result = {"rows": rows, "bytes": path.stat().st_size, "seconds": round(time.monotonic() - started_at, 3)}
        if options["json"]:
            self.write_json(result)
        else:
            self.stdout.write(
                f"Exported {rows:,} descriptors to {path} "
                "(dataset_1: descriptors, dataset_2: file names, digests: SHA-256)."
            )
