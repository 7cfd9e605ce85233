from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management import plots
from catalog.management.base import EXPAND_HELP, CatalogueCommand, check_expand, progress_bars
from catalog.services.index import generation_summary, spaces
from catalog.services.index.training.image_labels import LABEL_KINDS
from catalog.services.maintenance import evaluation


class Command(CatalogueCommand):
    help = "Measure the quality of the ranking: search with each labelled image for the others with its label."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--labels",
            choices=LABEL_KINDS,
            default=LABEL_KINDS[0],
            help="what makes an image relevant: the same collection (default) or a common tag",
        )
        parser.add_argument("--queries", type=int, metavar="N", help="search with N random images (default: all)")
        parser.add_argument("--expand", type=int, default=0, metavar="N", help=EXPAND_HELP)
        parser.add_argument(
            "--plot",
            type=Path,
            metavar="OUT.png",
            help="plot the precision–recall curve and the score distributions of pairs",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        queries, plot = options["queries"], options["plot"]
        if queries is not None and queries < 1:
            raise CommandError(f"--queries is {queries}; it must be at least 1.")
        check_expand(options["expand"])
        if plot and plot.suffix.lower() != ".png":
            raise CommandError(f"--plot is {plot}; the file name must end in .png.")
        if plot and not plot.parent.is_dir():  # checked first, because the evaluation may take minutes
            raise CommandError(f"--plot is {plot}; there is no folder {plot.parent}.")
        with progress_bars() as progress:
            measured = evaluation.evaluate(options["labels"], queries, expand=options["expand"], progress=progress)
        if plot:
            plots.plot_evaluation(measured, plot)
        generation = spaces.active_generation()
        result = measured.as_json() | {"projection": generation.projection_choice if generation else None}
        if options["json"]:
            self.write_json(result)
        else:
            self.stdout.write(_format_result(result))
            if generation:
                self.stdout.write(f"Descriptors: {generation_summary.describe_projection(generation)}.")
                if teaching := generation_summary.describe_teaching(generation):
                    self.stdout.write(f"Labels: {teaching}")


def _format_result(result: dict[str, Any]) -> str:
    lines = ["{queries} queries, with 95 % confidence intervals in brackets".format(**result)]
    for name, key in (("mAP", "map"), ("precision at 1", "precision_at_1"), ("precision at 10", "precision_at_10")):
        low, high = result[f"{key}_interval"]
        lines.append(f"{name:<30}{result[key]:.4f}  [{low:.4f}, {high:.4f}]")
    lines.append(f"{'recall at 10 vs exact search':<30}{result['recall_vs_exact_at_10']:.4f}")
    lines.append("Search time: median {p50_ms} ms, 95th percentile {p95_ms} ms".format(**result))
    return "\n".join(lines)
