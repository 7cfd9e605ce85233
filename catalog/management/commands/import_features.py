import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services.maintenance import feature_exchange


class Command(CatalogueCommand):
    help = "Import descriptors from an HDF5 file for images without one, matched by digest or file name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            metavar="IN.h5",
            help="written by export_features, or another file with dataset_1 and dataset_2",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started_at = time.monotonic()
        with progress_bars() as progress:
            imported = feature_exchange.import_features(options["file"], progress)
        if not imported.has_space:
            self.stderr.write(
                "The file does not say which network its descriptors come from, "
                "so they were imported without checking this. "
                "If search results look wrong, run: python manage.py rebuild_index --reextract"
            )
        result = asdict(imported) | {"seconds": round(time.monotonic() - started_at, 3)}
        del result["has_space"]
        if options["json"]:
            self.write_json(result)
        else:
            message = (
                "{rows} rows: {imported} imported, {already} for images that already have a descriptor, "
                "{unmatched} without a match or with an ambiguous file name."
            )
            self.stdout.write(message.format(**result))
