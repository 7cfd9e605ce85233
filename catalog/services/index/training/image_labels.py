"""Labels of images for training and evaluation: their collection, or their tags."""

from dataclasses import dataclass

import numpy as np

from catalog.models import Image

LABEL_KINDS = ("collection", "tag")


@dataclass(frozen=True)
class Labels:
    """Pairs of an image and one of its labels.

    Attributes:
        images: image ids, int64, n, in ascending order. An image with several labels occurs several times.
        labels: the primary key of a collection or tag, int64, n.
    """

    images: np.ndarray
    labels: np.ndarray

    @classmethod
    def load(cls, kind: str) -> "Labels":
        """Load the labels of all searchable images. `kind` is one of LABEL_KINDS."""
        field = {"collection": "collection", "tag": "tags"}[kind]
        pairs = Image.objects.indexed().exclude(**{field: None}).order_by("pk", field).values_list("pk", field)
        return cls(*np.fromiter(pairs.iterator(), np.dtype((np.int64, 2))).T)

    def images_with_shared_label(self) -> np.ndarray:
        """Return the images that share a label with another image: int64, in ascending order."""
        return np.unique(self.images[self._label_counts() > 1])

    def relevant_to(self, image_id: int) -> np.ndarray:
        """Return the images that share a label with this one, including itself: int64."""
        shares_label = np.isin(self.labels, self.labels[self.images == image_id])
        return self.images[shares_label]

    def one_per_image(self, min_images: int) -> "Labels":
        """Keep the rarest, most specific label of each image. Then drop labels with fewer than `min_images` images."""
        order = np.lexsort((self._label_counts(), self.images))
        _, first = np.unique(self.images[order], return_index=True)
        single_labels = Labels(self.images[order][first], self.labels[order][first])
        is_frequent = single_labels._label_counts() >= min_images
        return Labels(single_labels.images[is_frequent], single_labels.labels[is_frequent])

    def sample(self, max_images: int, max_images_per_label: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images and labels of a random selection of labels: int64 each, in ascending order of the images.

        Args:
            max_images: labels are added as long as their images fit.
            max_images_per_label: of a label with more images, a random sample is used.
        """
        rng = np.random.default_rng(0)
        chosen: list[np.ndarray] = []
        for label in rng.permutation(np.unique(self.labels)):
            positions = rng.permutation(np.flatnonzero(self.labels == label))[:max_images_per_label]
            if sum(map(len, chosen)) + len(positions) > max_images:
                break
            chosen.append(positions)
        selected = np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)
        return self.images[selected], self.labels[selected]

    def _label_counts(self) -> np.ndarray:
        """Return for each pair the number of images with its label: int64, n."""
        _, inverse, counts = np.unique(self.labels, return_inverse=True, return_counts=True)
        return counts[inverse]
