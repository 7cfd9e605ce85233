from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management import curves
from catalog.management.base import EXPAND_HELP, CatalogueCommand, check_expand, progress_bars
from catalog.services import evaluation
from catalog.services.labels import KINDS


class Command(CatalogueCommand):
    help = "Tell how well the catalogue ranks, by its own labels: each image a query against all others."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--labels",
            choices=KINDS,
            default=KINDS[0],
            help="an image should find those of its collection (the default), or those that share a tag with it",
        )
        parser.add_argument("--queries", type=int, metavar="N", help="ask with so many of the images, by chance (all)")
        parser.add_argument("--expand", type=int, default=0, metavar="N", help=EXPAND_HELP)
        parser.add_argument(
            "--plot", type=Path, metavar="OUT.png", help="draw precision by recall, and the scores of pairs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        queries, plot = options["queries"], options["plot"]
        if queries is not None and queries < 1:
            raise CommandError(f"--queries is {queries}; it takes 1 or more.")
        check_expand(options["expand"])
        if plot and plot.suffix.lower() != ".png":
            raise CommandError(f"--plot is {plot}; it takes a name that ends in .png.")
        if plot and not plot.parent.is_dir():  # told before the minutes that the evaluation may take
            raise CommandError(f"--plot is {plot}; there is no folder {plot.parent}.")
        with progress_bars() as progress:
            found = evaluation.evaluate(options["labels"], queries, expand=options["expand"], progress=progress)
        if plot:
            curves.draw(found, plot)
        answer = found.as_json()
        if options["json"]:
            self.give(answer)
        else:
            self.stdout.write(_told(answer))


def _told(answer: dict[str, Any]) -> str:
    lines = ["{queries} queries; in brackets: where the mean lies with 95 % confidence".format(**answer)]
    for name, key in (("mAP", "map"), ("precision at 1", "precision_at_1"), ("precision at 10", "precision_at_10")):
        low, high = answer[f"{key}_interval"]
        lines.append(f"{name:<30}{answer[key]:.4f}  [{low:.4f}, {high:.4f}]")
    lines.append(f"{'recall at 10 of exact search':<30}{answer['recall_vs_exact_at_10']:.4f}")
    lines.append("A search takes {p50_ms} ms; the slowest twentieth {p95_ms} ms or more.".format(**answer))
    return "\n".join(lines)
