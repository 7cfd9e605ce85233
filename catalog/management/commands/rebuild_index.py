import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from catalog.features.extractors import RECIPES
from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services import indexing, learning, rebuilding


class Command(CatalogueCommand):
    help = "Build a new generation of the index beside the active one and swap it in when it is whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reextract", action="store_true", help="describe every original again, in a new feature space"
        )
        parser.add_argument(
            "--extractor", choices=sorted(RECIPES), help="with --reextract: the network to describe them with"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["extractor"] and not options["reextract"]:
            raise CommandError("--extractor goes with --reextract: another network means describing every image again.")
        began = time.monotonic()
        with progress_bars() as progress:
            if options["reextract"]:
                made = rebuilding.reextract(options["extractor"], progress=progress)
                indexing.index_pending()  # what came in meanwhile
            else:
                made = rebuilding.rebuild(progress=progress)
        answer = {
            "generation": made.generation.pk,
            "feature_space": made.generation.space.key,
            "images": made.images,
            "segments": made.segments,
            "learned_from": made.generation.learned_from,
            "whitened": made.generation.projection_id is not None,
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
            self.stdout.write(f"Scores: {learning.scores_in_words(made.generation)}.")
