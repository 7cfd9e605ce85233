from typing import Any

from catalog.management.base import CatalogueCommand
from catalog.services import demo, indexing, rebuilding


class Command(CatalogueCommand):
    help = "Draw the demo catalogue and take it in: about 60 pictures in a handful of collections."

    def handle(self, *args: Any, **options: Any) -> None:
        added = demo.load()
        done = indexing.index_pending()
        rebuilding.keep_up()
        if options["json"]:
            self.give({"added": added, "indexed": done.indexed, "failed": done.failed})
        else:
            self.stdout.write(f"{added} pictures drawn and added; {done.indexed} became searchable.")
