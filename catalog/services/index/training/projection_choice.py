"""The choice of a generation's projection, and the figures behind it."""

from dataclasses import asdict, dataclass, field

from catalog.vectors.projections.projection import Projection


@dataclass(frozen=True)
class Teaching:
    """What labels taught, as mean average precision with neighbours.

    Attributes:
        kind: one of `image_labels.LABEL_KINDS`.
        weight: the chosen weight of the discriminant directions; 0 if the labels taught nothing.
        held_out_images, held_out_images_before: held-out images as queries for each other, with and without teaching.
        held_out_labels, held_out_labels_before: the same for images whose labels were held out; null if there are too
            few labels.
        known_share: the estimated share of the catalogue's images that show what the labels name.
    """

    kind: str
    weight: float
    held_out_images: float
    held_out_images_before: float
    held_out_labels: float | None
    held_out_labels_before: float | None
    known_share: float


@dataclass(frozen=True)
class Option:
    """A projection that was compared.

    Attributes:
        name: "plain", "centred", or "whitened" with the strength of its shrinkage.
        quality: mean average precision by labels, or mean reciprocal rank of altered copies, without neighbours.
        quality_augmented: the same with neighbours.
    """

    name: str
    quality: float
    quality_augmented: float


@dataclass(frozen=True)
class ProjectionChoice:
    """A projection, and why it was chosen.

    Attributes:
        projection: None for plain similarity.
        name: of the chosen option.
        augmented: whether neighbours take part in the ranking.
        measured_by: "collection", "tag" or "copies"; empty if nothing could be measured.
        images: the number of images in the sample.
        options: all that were compared.
        teaching: what labels taught; None without labels.
        suggestion: what labels would teach, where nobody asked for it and it would help.
    """

    projection: Projection | None
    name: str
    augmented: bool = True
    measured_by: str = ""
    images: int = 0
    options: list[Option] = field(default_factory=list)
    teaching: Teaching | None = None
    suggestion: Teaching | None = None

    def as_json(self) -> dict[str, object]:
        """Return all but the projection, for `Generation.projection_choice`."""
        return {
            "name": self.name,
            "augmented": self.augmented,
            "measured_by": self.measured_by,
            "images": self.images,
            "options": [asdict(option) for option in self.options],
            "teaching": asdict(self.teaching) if self.teaching else None,
            "suggestion": asdict(self.suggestion) if self.suggestion else None,
        }
