import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.features.extractors import RECIPES
from catalog.management.base import CatalogueCommand, Progress, progress_bars
from catalog.services import indexing, layouts, learning, rebuilding
from catalog.services.labels import KINDS
from catalog.services.learning import Codes
from catalog.services.rebuilding import Rebuilt
from catalog.vectors import codes, latent

FEWEST_BITS, MOST_BITS = 8, 1024


class Command(CatalogueCommand):
    help = "Build a new generation of the index beside the active one and swap it in when it is whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reextract", action="store_true", help="describe every original again, in a new feature space"
        )
        parser.add_argument(
            "--extractor", choices=sorted(RECIPES), help="with --reextract: the network to describe them with"
        )

        parser.add_argument(
            "--bits", type=int, metavar="N", help=f"of a code ({codes.BITS}; with --labels {latent.BITS})"
        )
        parser.add_argument(
            "--labels", choices=KINDS, help="learn the codes from collections or tags: they then tell these apart"
        )
        parser.add_argument(
            "--rollback", action="store_true", help="bring the generation before this one back, as it was"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["extractor"] and not options["reextract"]:
            raise CommandError("--extractor goes with --reextract: another network means describing every image again.")
        bits = options["bits"]
        if bits is not None and not FEWEST_BITS <= bits <= MOST_BITS:
            raise CommandError(f"--bits is {bits}; it takes {FEWEST_BITS} to {MOST_BITS}.")
        if options["rollback"] and (options["reextract"] or options["labels"] or bits):
            raise CommandError(
                "--rollback brings an index back as it was; --reextract, --labels and --bits make one anew: choose one."
            )
        began = time.monotonic()
        with progress_bars() as progress:
            made = _made(options, progress)
        layouts.keep_up()
        answer = {
            "generation": made.generation.pk,
            "feature_space": made.generation.space.key,
            "images": made.images,
            "segments": made.segments,
            "learned_from": made.generation.learned_from,
            "whitened": made.generation.projection_id is not None,
            "bits": made.generation.coder.bits if made.generation.coder else None,
            "candidates": made.generation.candidates,
            "recall_at_10": made.generation.recall,
            **_learned_codes(made),
            "seconds": round(time.monotonic() - began, 3),
        }
        if options["json"]:
            self.give(answer)
        else:
            told = (
                "Generation {generation} serves {images} images of {feature_space} in {segments} segments. {seconds} s."
            )
            self.stdout.write(told.format(**answer))
            self.stdout.write(f"Descriptors: {learning.comparison_in_words(made.generation)}.")
            self.stdout.write(f"Codes: {learning.codes_in_words(made.generation)}.")
            self.stdout.write(f"Scores: {learning.scores_in_words(made.generation)}.")


def _made(options: dict[str, Any], progress: Progress) -> Rebuilt:
    wanted = Codes(options["bits"], options["labels"])
    if options["rollback"]:
        made = rebuilding.rollback()
    elif options["reextract"]:
        made = rebuilding.reextract(options["extractor"], wanted, progress=progress)
    else:
        return rebuilding.rebuild(wanted, progress=progress)
    indexing.index_pending()  # what came in meanwhile
    return made


def _learned_codes(made: Rebuilt) -> dict[str, Any]:
    quality = made.generation.code_quality or {}
    return {
        "labels": quality.get("taught_by"),
        "code_accuracy": quality.get("accuracy"),
        "code_map": quality.get("map"),
    }
