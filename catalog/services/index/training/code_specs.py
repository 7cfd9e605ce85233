"""Code specifications: which binary codes a generation should have."""

from dataclasses import dataclass

import numpy as np

from catalog.exceptions import ImageSearchError, gettext_noop
from catalog.models import Generation, Image
from catalog.services.index.training.image_labels import Labels
from catalog.vectors.codes import supervised_hashing

# Training needs at least two labels to distinguish.
MIN_LABELS = 2
MIN_TRAINING_IMAGES = 100

# One message for each of image_labels.LABEL_KINDS, so that each can be translated as a whole.
TOO_FEW_LABELS_MESSAGES = {
    "collection": gettext_noop(
        "There are too few collections to learn from: {min_labels} or more with at least {min_images} searchable "
        "images each are needed; there are {found}. Group more images, or rebuild without labels."
    ),
    "tag": gettext_noop(
        "There are too few tags to learn from: {min_labels} or more with at least {min_images} searchable images each "
        "are needed; there are {found}. Tag more images, or rebuild without labels."
    ),
}


@dataclass(frozen=True)
class CodeSpec:
    """Which codes a generation should have.

    Attributes:
        bits: the length of a code; None for the default of the kind of codes.
        labels: one of `image_labels.LABEL_KINDS`, on which the codes are trained; None for codes without labels.
    """

    bits: int | None = None
    labels: str | None = None

    def check(self) -> None:
        """Raise ImageSearchError if the codes cannot be trained on the labels of the catalogue."""
        if self.labels is None:
            return
        if Image.objects.indexed().count() < MIN_TRAINING_IMAGES:
            raise ImageSearchError(
                "Learning from labels needs {min_images} or more searchable images. "
                "Add more images, or rebuild without labels.",
                min_images=MIN_TRAINING_IMAGES,
            )
        label_count = len(np.unique(training_labels(self.labels).labels))
        if label_count < MIN_LABELS:
            raise ImageSearchError(
                TOO_FEW_LABELS_MESSAGES[self.labels],
                min_labels=MIN_LABELS,
                min_images=supervised_hashing.MIN_IMAGES_PER_LABEL,
                found=label_count,
            )


DEFAULT_CODES = CodeSpec()


def training_labels(kind: str) -> Labels:
    """Return one label for each image, without labels that have too few images for training."""
    return Labels.load(kind).one_per_image(supervised_hashing.MIN_IMAGES_PER_LABEL)


def next_code_spec(generation: Generation) -> CodeSpec:
    """Return the codes for the next generation: the same, or the default if the labels no longer suffice."""
    quality = generation.code_quality
    code_spec = CodeSpec(
        generation.encoder.bits if generation.encoder else None, quality["label_kind"] if quality else None
    )
    try:
        code_spec.check()
    except ImageSearchError:
        return DEFAULT_CODES
    return code_spec
