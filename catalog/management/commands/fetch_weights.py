from typing import Any

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services import spaces


class Command(CatalogueCommand):
    help = "Get VGG16's ImageNet weights, unless they are here, and verify them by the digest Keras publishes."

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bars() as progress:
            weights = spaces.fetch_weights(lambda done, total: progress("fetching", done, total))
        if options["json"]:
            self.give({"path": str(weights.path), "sha256": weights.digest})
        else:
            self.stdout.write(f"VGG16's weights are at {weights.path}, and are what they should be.")
