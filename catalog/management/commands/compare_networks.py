from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.management.network_plot import plot_comparison
from catalog.services.index.training.image_labels import LABEL_KINDS
from catalog.services.maintenance import network_comparison
from catalog.services.maintenance.comparison_samples import MIN_IMAGES


class Command(CatalogueCommand):
    help = "Compare the networks at hand on the pictures of the catalogue, and recommend one. Nothing is changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--labels",
            choices=LABEL_KINDS,
            help="what makes images alike: the same collection or tag (default: what the catalogue has)",
        )
        parser.add_argument(
            "--sample",
            type=int,
            default=network_comparison.DEFAULT_SAMPLE,
            metavar="N",
            help=f"compare on N random images (default: {network_comparison.DEFAULT_SAMPLE})",
        )
        parser.add_argument("--plot", type=Path, metavar="OUT.png", help="plot the figures as bars")

    def handle(self, *args: Any, **options: Any) -> None:
        sample, plot = options["sample"], options["plot"]
        if not MIN_IMAGES <= sample <= network_comparison.MAX_SAMPLE:
            raise CommandError(
                f"--sample is {sample}; it must be between {MIN_IMAGES} and {network_comparison.MAX_SAMPLE}."
            )
        if plot and plot.suffix.lower() != ".png":
            raise CommandError(f"--plot is {plot}; the file name must end in .png.")
        if plot and not plot.parent.is_dir():  # checked first, because the comparison may take minutes
            raise CommandError(f"--plot is {plot}; there is no folder {plot.parent}.")
        with progress_bars() as progress:
            result = network_comparison.compare(options["labels"], sample, progress=progress).as_json()
        if plot:
            plot_comparison(result, plot)
        if options["json"]:
            self.write_json(result)
        else:
            self.stdout.write(_format_result(result))


def _format_result(result: dict[str, Any]) -> str:
    labels = f"labelled by {result['labels']}" if result["labels"] else "without labels"
    lines = [f"{result['images']} images, {labels}; 95 % confidence intervals in brackets"]
    if result["unreadable"]:
        lines.append(f"{result['unreadable']} images were skipped, because their originals cannot be read.")
    for network in result["networks"]:
        lines += ["", network["name"]]
        if network["error"]:
            lines.append(f"  {network['error']}")
            continue
        if network["map"] is not None:
            lines.append(f"  {'mAP':<30}{network['map']:.4f}  {_interval(network['map_interval'])}")
            precision = f"{network['precision_at_1']:.4f}  {_interval(network['precision_at_1_interval'])}"
            lines.append(f"  {'precision at 1':<30}{precision}")
        copies = f"{network['copies_first']:.4f}  {_interval(network['copies_interval'])}"
        shares = ", ".join(f"{name} {share:.2f}" for name, share in network["copies"].items())
        lines.append(f"  {'altered copies found first':<30}{copies}  {shares}")
        lines.append(f"  {'ms an image':<30}{network['ms']}")
        lines.append(f"  {'bytes a row':<30}{network['bytes_per_row']}")
    lines += ["", " ".join(filter(None, [result["reason"], result["switch"]]))]
    return "\n".join(lines)


def _interval(bounds: list[float]) -> str:
    return "[{:.4f}, {:.4f}]".format(*bounds)
