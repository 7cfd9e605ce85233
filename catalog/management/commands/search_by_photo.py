import time
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from catalog.exceptions import PictureRefused
from catalog.imaging import crops
from catalog.imaging.decoding import decode
from catalog.imaging.formats import MEDIA_TYPES
from catalog.management import sheet
from catalog.management.base import EXPAND_HELP, CatalogueCommand, check_expand
from catalog.models import Collection, Tag
from catalog.services import searching
from catalog.services.explaining import Explanation
from catalog.services.filters import Filters
from catalog.services.limits import picture_limits, read_picture
from catalog.services.searching import Hit, Query, Results

EXPLAINED = 3


class Command(CatalogueCommand):
    help = "Rank the catalogue by likeness to a photo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the photo")
        parser.add_argument("--top", type=int, default=10, metavar="N", help="how many to show (10)")
        parser.add_argument("--collection", metavar="NAME", help="search this collection only")
        parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="and with this tag; repeatable")
        parser.add_argument("--words", default="", help="and with these words in title, file name, collection or tags")
        parser.add_argument("--format", type=str.upper, default="", choices=[*MEDIA_TYPES], help="and of this format")
        parser.add_argument("--added-from", type=date.fromisoformat, metavar="DAY", help="added on this day or later")
        parser.add_argument("--added-to", type=date.fromisoformat, metavar="DAY", help="added on this day or before")
        parser.add_argument(
            "--least-side", type=int, default=0, metavar="PIXELS", help="whose shorter side has so many pixels or more"
        )
        parser.add_argument("--crop", metavar="x,y,w,h", help="search with this part, in pixels of the upright photo")
        parser.add_argument(
            "--exact", action="store_true", help="compare with every descriptor, where codes would choose candidates"
        )
        parser.add_argument("--expand", type=int, default=0, metavar="N", help=EXPAND_HELP)
        parser.add_argument("--sheet", type=Path, metavar="OUT.png", help="draw the photo and its hits side by side")
        parser.add_argument(
            "--explain",
            type=Path,
            metavar="OUT.png",
            help=f"draw which parts of the photo and of its first {EXPLAINED} hits made the scores",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["top"] < 1:
            raise CommandError(f"--top is {options['top']}; it takes 1 or more.")
        check_expand(options["expand"])
        if options["expand"] and options["explain"]:
            raise CommandError("--explain is about the photo alone, --expand about more than that: choose one.")
        for flag in ("sheet", "explain"):
            if options[flag] and options[flag].suffix.lower() != ".png":
                raise CommandError(f"--{flag} is {options[flag]}; it takes a name that ends in .png.")
        began = time.monotonic()
        box = crops.parse(options["crop"]) if options["crop"] else None
        with options["file"].open("rb") as file:
            photo = read_picture(file)
        found = searching.search(
            _describe(options["file"], photo, box),
            _filters(options),
            count=options["top"],
            expand=options["expand"],
            exactly=options["exact"],
        )
        seconds = round(time.monotonic() - began, 4)
        if options["sheet"]:
            picture = decode(photo, picture_limits())
            sheet.draw(crops.crop(picture, box) if box else picture.rgb, found.hits).save(options["sheet"])
        if options["explain"]:
            sheet.draw_explained(_explained(photo, box, found.hits)).save(options["explain"])
        if options["json"]:
            self.give(_as_json(found, seconds))
        else:
            Console(file=self.stdout, width=None).print(_table(found))  # type: ignore[arg-type]


def _describe(path: Path, photo: bytes, box: crops.Box | None) -> Query:
    try:
        return searching.describe(photo, box)
    except PictureRefused as refusal:
        raise CommandError(f"{path}: {refusal}") from refusal


def _explained(photo: bytes, box: crops.Box | None, hits: list[Hit]) -> list[tuple[Hit, Explanation]]:
    if not hits:
        raise CommandError("There is nothing to explain: no image was found.")
    query = searching.see(photo, box)
    return [(hit, searching.explain(query, hit.image)) for hit in hits[:EXPLAINED]]


def _filters(options: dict[str, Any]) -> Filters:
    collection = options["collection"]
    return Filters(
        collection=_named(Collection, collection) if collection is not None else None,
        tags=tuple(_named(Tag, name) for name in options["tag"]),
        words=options["words"],
        format=options["format"],
        added_from=options["added_from"],
        added_to=options["added_to"],
        least_side=options["least_side"],
    )


def _named(model: Any, name: str) -> Any:
    try:
        return model.objects.get(name=name)
    except model.DoesNotExist:
        known = ", ".join(model.objects.values_list("name", flat=True)[:20]) or "none"
        kind = model._meta.verbose_name
        raise CommandError(f"There is no {kind} named {name!r}. There are: {known}.") from None


def _as_json(found: Results, seconds: float) -> dict[str, Any]:
    hits = [
        {
            "rank": hit.rank,
            "id": hit.image.pk,
            "score": round(hit.score, 6),
            "likeness": hit.likeness,
            "collection": hit.image.collection.name if hit.image.collection else None,
            "source": hit.image.source,
            "sha256": hit.image.sha256,
        }
        for hit in found.hits
    ]
    return {
        "feature_space": found.space.key,
        "seconds": seconds,
        "nothing_alike": found.nothing_alike,
        "hits": hits,
    }


def _table(found: Results) -> Table:
    said = "; nothing in the catalogue is really like the photo" if found.nothing_alike else ""
    table = Table("rank", "score", "likeness", "id", "collection", "source", title=f"{found.total} images ranked{said}")
    for hit in found.hits:
        collection = hit.image.collection.name if hit.image.collection else ""
        row = (hit.rank, f"{hit.score:.4f}", hit.likeness or "", hit.image.pk, collection, hit.image.source)
        table.add_row(*map(str, row))
    return table
