import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.models import Image
from catalog.services import hints, imports, indexing
from catalog.services.uploads import Kind, Outcome


class Command(CatalogueCommand):
    help = "Take pictures into the catalogue from files, folders and archives (ZIP, TAR), and make them searchable."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, a folder or an archive")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--collection", metavar="NAME", default="", help="put them into this collection")
        group.add_argument(
            "--collections-from-folders",
            action="store_true",
            help="a collection for each folder, named like it",
        )
        parser.add_argument("--no-wait", action="store_true", help="leave the indexing to the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        with progress_bars() as progress:
            outcomes = self._take_in(options, progress)
            images = {outcome.image.pk for outcome in outcomes if outcome.image}
            waiting = _with_status(images, Image.Status.PENDING)
            if options["no_wait"]:
                hints.work_is_waiting()
            else:
                done = 0

                def count(more: int) -> None:
                    nonlocal done
                    done += more
                    progress("indexing", done, max(done, len(waiting)))

                indexing.index_pending(count)
        kinds = [outcome.kind for outcome in outcomes]
        self._tell(
            options,
            {
                "found": len(outcomes),
                "added": kinds.count(Kind.ADDED),
                "duplicates": kinds.count(Kind.DUPLICATE),
                "rejected": kinds.count(Kind.REFUSED),
                "indexed": len(_with_status(waiting, Image.Status.INDEXED)),
                "failed": len(_with_status(waiting, Image.Status.FAILED)),
                "seconds": round(time.monotonic() - began, 3),
            },
        )

    def _take_in(self, options: dict[str, Any], progress: Any) -> list[Outcome]:
        total, outcomes = imports.count(options["paths"]), []
        for outcome in imports.take_in(
            imports.find(options["paths"]),
            collection=imports.collection_named(options["collection"]),
            from_folders=options["collections_from_folders"],
        ):
            outcomes.append(outcome)
            progress("adding", len(outcomes), total)
            if outcome.kind is Kind.REFUSED:
                self.stderr.write(f"{outcome.name}: {outcome.reason}")
        return outcomes

    def _tell(self, options: dict[str, Any], answer: dict[str, Any]) -> None:
        if options["json"]:
            self.give(answer)
            return
        told = (
            "{found} files: {added} added, {duplicates} already there, {rejected} refused. "
            "{indexed} became searchable, {failed} failed. {seconds} s."
        )
        self.stdout.write(told.format(**answer))


def _with_status(images: set[int], status: Image.Status) -> set[int]:
    # A database takes a limited number of values in one query; the set may hold any number.
    return images & set(Image.objects.filter(status=status).values_list("pk", flat=True))
