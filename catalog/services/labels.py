"""Labels: which collection an image is in, or which tags it carries."""

from dataclasses import dataclass

import numpy as np

from catalog.models import Image

KINDS = ("collection", "tag")


@dataclass(frozen=True)
class Labels:
    """Which image has which label.

    Attributes:
        images: int64, n.
        labels: int64, n: a label of the image at the same place. Images of several labels stand there several times.
    """

    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, kind: str) -> "Labels":
        """The collections or tags of all searchable images, in order of image."""
        field = {"collection": "collection", "tag": "tags"}[kind]
        pairs = Image.objects.indexed().exclude(**{field: None}).order_by("pk", field).values_list("pk", field)
        return cls(*np.fromiter(pairs.iterator(), np.dtype((np.int64, 2))).T)

    def shared(self) -> np.ndarray:
        """The images that share a label with another one: int64, in order of id."""
        return np.unique(self.images[self._count() > 1])

    def relevant_to(self, image_id: int) -> np.ndarray:
        """The images that share a label with this one, and itself: int64."""
        shared = np.isin(self.labels, self.labels[self.images == image_id])
        return self.images[shared]

    def one_each(self, least: int) -> "Labels":
        """Each image once, with the rarest of its labels, which says the most; without labels of fewer than `least`."""
        rarest_first = np.lexsort((self._count(), self.images))
        _, first = np.unique(self.images[rarest_first], return_index=True)
        once = Labels(self.images[rarest_first][first], self.labels[rarest_first][first])
        enough = once._count() >= least
        return Labels(once.images[enough], once.labels[enough])

    def _count(self) -> np.ndarray:
        """How many images have the label at each place: int64, n."""
        _, place, count = np.unique(self.labels, return_inverse=True, return_counts=True)
        return count[place]
