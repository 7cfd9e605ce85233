from typing import Any

from catalog.management.base import CatalogueCommand
from catalog.services.ingest import demo


class Command(CatalogueCommand):
    help = "Draw the demo pictures (64, in eight collections), add them to the catalogue and index them."

    def handle(self, *args: Any, **options: Any) -> None:
        result = demo.load_demo()
        if options["json"]:
            self.write_json(result._asdict())
        else:
            self.stdout.write(f"{result.added} pictures added, {result.indexed} indexed.")
