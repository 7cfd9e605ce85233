import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services import exchange


class Command(CatalogueCommand):
    help = "Give images that lack a descriptor those of an HDF5 file, matched by digest or file name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, metavar="IN.h5", help="from export_features, or with dataset_1 and dataset_2 of your own"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        with progress_bars() as progress:
            taken = exchange.take_in(options["file"], progress)
        if not taken.told_space:
            self.stderr.write(
                "The file does not say what network made its descriptors: that it is the catalogue's own was taken on "
                "trust. If searches look wrong, run: python manage.py rebuild_index --reextract"
            )
        answer = asdict(taken) | {"seconds": round(time.monotonic() - began, 3)}
        del answer["told_space"]
        if options["json"]:
            self.give(answer)
        else:
            told = (
                "{rows} rows: {imported} imported, {already} of images that have a descriptor already, "
                "{unmatched} of no image here, or of a name that several have."
            )
            self.stdout.write(told.format(**answer))
