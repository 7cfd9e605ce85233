import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from catalog.management.base import CatalogueCommand, Progress, progress_bars
from catalog.models import Image
from catalog.services import found_files, hints, imports, indexing, rebuilding, uploads
from catalog.services.alongside import Alongside
from catalog.services.uploads import Kind


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
            if options["no_wait"]:
                kinds, waiting = self._take_in(options, progress)
                hints.work_is_waiting()
            else:
                kinds, waiting = self._make_searchable(options, progress)
                rebuilding.keep_up(progress=progress)
        self._tell(
            options,
            {
                "found": kinds.total(),
                "added": kinds[Kind.ADDED],
                "duplicates": kinds[Kind.DUPLICATE],
                "rejected": kinds[Kind.REFUSED],
                "indexed": len(_with_status(waiting, Image.Status.INDEXED)),
                "failed": len(_with_status(waiting, Image.Status.FAILED)),
                "seconds": round(time.monotonic() - began, 3),
            },
        )

        if kinds.total() and kinds.total() == kinds[Kind.REFUSED]:
            sys.exit(1)  # for scripts: nothing of what was named could be taken

    def _make_searchable(self, options: dict[str, Any], progress: Progress) -> tuple[Counter[Kind], set[int]]:
        """Take in, describing meanwhile, and then wait for what is left or a worker has in hand."""
        described = 0

        def count(more: int) -> None:
            nonlocal described
            described += more
            progress("indexing", described, max(described, total))  # what others added is described along with it

        total = found_files.count(options["paths"])
        with Alongside(count) as describer:
            kinds, waiting = self._take_in(options, progress, describer)
        total = len(waiting)
        while True:
            indexing.index_pending(count)
            if not _with_status(waiting, Image.Status.PENDING):
                return kinds, waiting
            time.sleep(0.5)

    def _take_in(
        self, options: dict[str, Any], progress: Progress, describer: Alongside | None = None
    ) -> tuple[Counter[Kind], set[int]]:
        """How many files had which outcome, and the images that are to become searchable."""
        total = found_files.count(options["paths"])
        kinds: Counter[Kind] = Counter()
        waiting: set[int] = set()
        for outcomes in imports.take_in(
            found_files.find(options["paths"]),
            collection=uploads.collection_named(options["collection"]),
            from_folders=options["collections_from_folders"],
            describer=describer,
        ):
            for outcome in outcomes:
                kinds[outcome.kind] += 1
                if outcome.image and outcome.image.status == Image.Status.PENDING:
                    waiting.add(outcome.image.pk)
                if outcome.kind is Kind.REFUSED:
                    self.stderr.write(f"{outcome.name}: {outcome.reason}")
            progress("adding", kinds.total(), total)
        return kinds, waiting

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
