import time
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from catalog.exceptions import PictureRejected
from catalog.imaging import crops
from catalog.imaging.formats import MEDIA_TYPES
from catalog.management import contact_sheet
from catalog.management.base import EXPAND_HELP, CatalogueCommand, check_expand
from catalog.models import Collection, Tag
from catalog.services.media.decoding import decode
from catalog.services.media.upload_limits import query_limits, read_picture
from catalog.services.search import explanations, ranking
from catalog.services.search.explanations import Explanation
from catalog.services.search.filters import Filters
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query, extract_query
from catalog.services.search.ranking import Hit, Results
from catalog.services.search.regions.proposals import Proposals, propose_regions

MAX_EXPLAINED_HITS = 3

NamedRow = TypeVar("NamedRow", Collection, Tag)


class Command(CatalogueCommand):
    help = "Find the images of the catalogue that are most similar to a photo."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the photo")
        parser.add_argument("--top", type=int, default=10, metavar="N", help="number of hits (default: 10)")
        parser.add_argument("--crop", metavar="x,y,w,h", help="search with this area, in pixels of the upright photo")
        parser.add_argument(
            "--regions",
            action="store_true",
            help="look for the parts of the photo that the catalogue knows best, and search with the best one if it is "
            "known better than the whole photo",
        )
        parser.add_argument("--expand", type=int, default=0, metavar="N", help=EXPAND_HELP)
        parser.add_argument(
            "--exact", action="store_true", help="compare all descriptors instead of selecting candidates by codes"
        )
        parser.add_argument("--sheet", type=Path, metavar="OUT.png", help="write a contact sheet of the photo and hits")
        parser.add_argument(
            "--explain",
            type=Path,
            metavar="OUT.png",
            help="write a picture that highlights the matching areas of the photo "
            f"and the first {MAX_EXPLAINED_HITS} hits",
        )
        _add_filters(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        _check_options(options)
        started_at = time.monotonic()
        crop = crops.parse_box(options["crop"]) if options["crop"] else None
        with options["file"].open("rb") as file:
            photo = read_picture(file)
        search_options = SearchOptions(
            filters=_filters(options), limit=options["top"], expansion=options["expand"], exact=options["exact"]
        )
        proposals = _propose_regions(options["file"], photo, search_options) if options["regions"] else None
        crop = proposals.meant.box if proposals and proposals.meant else crop
        query = proposals.query if proposals else _extract_query(options["file"], photo, crop)
        results = ranking.search(query, search_options)
        seconds = round(time.monotonic() - started_at, 4)
        if options["sheet"]:
            picture = decode(photo, query_limits())
            cropped = crops.crop(picture, crop) if crop else picture.rgb
            contact_sheet.draw_contact_sheet(cropped, results.hits).save(options["sheet"])
        if options["explain"]:
            contact_sheet.draw_explanations(_explain_hits(photo, crop, results.hits)).save(options["explain"])
        if options["json"]:
            self.write_json(_to_json(results, seconds) | _regions_json(proposals))
        else:
            if proposals:
                self.stdout.write(_regions_text(proposals))
            Console(file=self.stdout, width=None).print(_table(results))  # type: ignore[arg-type]  # OutputWrapper is a file


def _add_filters(parser: CommandParser) -> None:
    filters = parser.add_argument_group("filters")
    filters.add_argument("--collection", metavar="NAME", help="only images in this collection")
    filters.add_argument(
        "--tag", action="append", default=[], metavar="NAME", help="only images with this tag (repeatable)"
    )
    filters.add_argument(
        "--words", default="", help="only images with these words in title, file name, collection or tags"
    )
    filters.add_argument(
        "--format", type=str.upper, default="", choices=[*MEDIA_TYPES], help="only images of this format"
    )
    filters.add_argument(
        "--added-from", type=date.fromisoformat, metavar="DAY", help="only images added on this day or later"
    )
    filters.add_argument(
        "--added-to", type=date.fromisoformat, metavar="DAY", help="only images added on this day or earlier"
    )
    filters.add_argument(
        "--least-side",
        type=int,
        default=0,
        metavar="PIXELS",
        help="only images with a shorter side of at least this length",
    )


def _check_options(options: dict[str, Any]) -> None:
    if options["top"] < 1:
        raise CommandError(f"--top is {options['top']}; it must be at least 1.")
    check_expand(options["expand"])
    if options["crop"] and options["regions"]:
        raise CommandError("--regions cannot be combined with --crop, which says already what is meant.")
    if options["expand"] and options["explain"]:
        raise CommandError("--explain cannot be combined with --expand: the hits then match more than the photo.")
    for flag in ("sheet", "explain"):
        if options[flag] and options[flag].suffix.lower() != ".png":
            raise CommandError(f"--{flag} is {options[flag]}; the file name must end in .png.")


def _extract_query(path: Path, photo: bytes, crop: crops.Box | None) -> Query:
    try:
        return extract_query(photo, crop)
    except PictureRejected as error:
        raise CommandError(f"{path}: {error}") from error


def _propose_regions(path: Path, photo: bytes, search_options: SearchOptions) -> Proposals:
    try:
        proposals = propose_regions(photo, search_options)
    except PictureRejected as error:
        raise CommandError(f"{path}: {error}") from error
    if not proposals.regions:
        raise CommandError(
            "--regions: the network of the catalogue cannot tell parts of a picture apart. Use --crop instead."
        )
    return proposals


def _regions_json(proposals: Proposals | None) -> dict[str, Any]:
    if proposals is None:
        return {}
    regions = [
        {
            "crop": str(region.box),
            "share": [round(value, 4) for value in region.share],
            "score": round(region.score, 6),
            "meant": region is proposals.meant,
        }
        for region in proposals.regions
    ]
    return {"regions": regions}


def _regions_text(proposals: Proposals) -> str:
    meant = proposals.meant
    found = ", ".join(f"{region.box} ({region.score:.3f})" for region in proposals.regions)
    searched = f"the region {meant.box}" if meant else f"the whole photo ({proposals.whole_score:.3f})"
    return f"Searched with {searched}. Regions: {found}"


def _explain_hits(photo: bytes, crop: crops.Box | None, hits: list[Hit]) -> list[tuple[Hit, Explanation]]:
    if not hits:
        raise CommandError("No images were found, so there is nothing to explain.")
    activations = explanations.compute_photo_activations(photo, crop)
    return [(hit, explanations.explain(activations, hit.image)) for hit in hits[:MAX_EXPLAINED_HITS]]


def _filters(options: dict[str, Any]) -> Filters:
    collection = options["collection"]
    return Filters(
        collection=_get_by_name(Collection, collection) if collection is not None else None,
        tags=tuple(_get_by_name(Tag, name) for name in options["tag"]),
        words=options["words"],
        format=options["format"],
        added_from=options["added_from"],
        added_to=options["added_to"],
        min_side=options["least_side"],
    )


def _get_by_name(model: type[NamedRow], name: str) -> NamedRow:
    try:
        return model.objects.get(name=name)
    except model.DoesNotExist:
        known_names = ", ".join(model.objects.values_list("name", flat=True)[:20]) or "none"
        model_name = model._meta.verbose_name
        raise CommandError(f"There is no {model_name} named {name!r}. Available: {known_names}.") from None


def _to_json(results: Results, seconds: float) -> dict[str, Any]:
    hits = [
        {
            "rank": hit.rank,
            "id": hit.image.pk,
            "score": round(hit.score, 6),
            "likeness": hit.similarity_level,
            "collection": hit.image.collection.name if hit.image.collection else None,
            "source": hit.image.source,
            "sha256": hit.image.sha256,
        }
        for hit in results.hits
    ]
    return {
        "feature_space": results.space.key,
        "seconds": seconds,
        "nothing_alike": results.only_weak_matches,
        "hits": hits,
    }


def _table(results: Results) -> Table:
    note = "; nothing matches the photo well" if results.only_weak_matches else ""
    table = Table(
        "rank", "score", "similarity", "id", "collection", "file", title=f"{results.total} images ranked{note}"
    )
    for hit in results.hits:
        collection = hit.image.collection.name if hit.image.collection else ""
        row = (hit.rank, f"{hit.score:.4f}", hit.similarity_label, hit.image.pk, collection, hit.image.source)
        table.add_row(*map(str, row))
    return table
