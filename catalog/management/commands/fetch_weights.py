from typing import Any

from catalog.management.base import CatalogueCommand, progress_bars
from catalog.services.index import spaces


class Command(CatalogueCommand):
    help = "Download VGG16's ImageNet weights, if they are missing, and verify them by the digest that Keras publishes."

    def handle(self, *args: Any, **options: Any) -> None:
        with progress_bars() as progress:
            weights = spaces.fetch_weights(lambda done, total: progress("downloading", done, total))
        if options["json"]:
            self.write_json({"path": str(weights.path), "sha256": weights.digest})
        else:
            self.stdout.write(f"VGG16's weights are ready: {weights.path}")
