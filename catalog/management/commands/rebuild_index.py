import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.management.base import CatalogueCommand, Progress, progress_bars
from catalog.services.index import extraction, generation_summary, networks_at_hand, rebuilding
from catalog.services.index.activation import RebuildResult
from catalog.services.index.training.code_specs import CodeSpec
from catalog.services.index.training.image_labels import LABEL_KINDS
from catalog.services.search import similarity_map
from catalog.vectors.codes import binary_codes, supervised_hashing

MIN_BITS, MAX_BITS = 8, 1024


class Command(CatalogueCommand):
    help = "Build a new generation of the index and activate it when it is complete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reextract",
            action="store_true",
            help="extract all descriptors again, in a new feature space",
        )
        parser.add_argument(
            "--extractor",
            metavar="NAME",
            help="with --reextract: the network, as in IMAGESEARCH_EXTRACTOR: auto, vgg16, efficientnet-lite2, the "
            "path of an ONNX file, or keras: and a name such as keras:ConvNeXtTiny (default: the one in the settings)",
        )
        parser.add_argument(
            "--bits",
            type=int,
            metavar="N",
            help="length of the binary codes "
            f"(default: {binary_codes.DEFAULT_BITS}; with --labels {supervised_hashing.DEFAULT_BITS})",
        )
        parser.add_argument(
            "--labels",
            choices=LABEL_KINDS,
            help="train the codes, and the ranking where it helps, to distinguish collections or tags",
        )
        parser.add_argument("--rollback", action="store_true", help="roll back to the previous generation")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["extractor"] and not options["reextract"]:
            raise CommandError("--extractor requires --reextract, because another network needs new descriptors.")
        bits = options["bits"]
        if bits is not None and not MIN_BITS <= bits <= MAX_BITS:
            raise CommandError(f"--bits is {bits}; it must be between {MIN_BITS} and {MAX_BITS}.")
        if options["rollback"] and (options["reextract"] or options["labels"] or bits):
            raise CommandError(
                "--rollback activates the previous generation; "
                "it cannot be combined with --reextract, --labels or --bits."
            )
        started_at = time.monotonic()
        with progress_bars() as progress:
            rebuilt = _run(options, progress)
        similarity_map.update_map()
        result = _result(rebuilt, round(time.monotonic() - started_at, 3))
        if options["json"]:
            self.write_json(result)
        else:
            self._write_summary(rebuilt, result)

    def _write_summary(self, rebuilt: RebuildResult, result: dict[str, Any]) -> None:
        message = (
            "Generation {generation} is active: {images} images in {segments} segments, "
            "feature space {feature_space}. {seconds} s."
        )
        self.stdout.write(message.format(**result))
        self.stdout.write(f"Descriptors: {generation_summary.describe_projection(rebuilt.generation)}.")
        if teaching := generation_summary.describe_teaching(rebuilt.generation):
            self.stdout.write(f"Labels: {teaching}")
        self.stdout.write(f"Codes: {generation_summary.describe_codes(rebuilt.generation)}.")
        self.stdout.write(f"Similarity levels: {generation_summary.describe_score_levels(rebuilt.generation)}.")


def _result(rebuilt: RebuildResult, seconds: float) -> dict[str, Any]:
    generation = rebuilt.generation
    return {
        "generation": generation.pk,
        "feature_space": generation.space.key,
        "images": rebuilt.images,
        "segments": rebuilt.segments,
        "learned_from": generation.training_image_count,
        "whitened": str((generation.projection_choice or {}).get("name")).startswith("whitened"),
        "projection": generation.projection_choice,
        "bits": generation.encoder.bits if generation.encoder else None,
        "candidates": generation.candidate_count,
        "recall_at_10": generation.recall_at_10,
        **_code_quality(rebuilt),
        "seconds": seconds,
    }


def _run(options: dict[str, Any], progress: Progress) -> RebuildResult:
    code_spec = CodeSpec(options["bits"], options["labels"])
    if options["rollback"]:
        rebuilt = rebuilding.rollback()
    elif options["reextract"]:
        if options["extractor"]:
            networks_at_hand.open_for_rebuild(options["extractor"])  # before anything is changed
        rebuilt = rebuilding.reextract(options["extractor"], code_spec, progress=progress)
    else:
        return rebuilding.rebuild(code_spec, progress=progress)
    extraction.index_pending()  # images that were added meanwhile
    return rebuilt


def _code_quality(rebuilt: RebuildResult) -> dict[str, Any]:
    quality = rebuilt.generation.code_quality or {}
    return {
        "labels": quality.get("label_kind"),
        "code_accuracy": quality.get("accuracy"),
        "code_map": quality.get("map"),
    }
