"""The choice of a generation's projection: what ranks this catalogue best, and never worse than plain similarity."""

from dataclasses import replace

import numpy as np

from catalog.models import FeatureSpace
from catalog.services.index.training import label_teaching, retrieval_samples
from catalog.services.index.training.projection_choice import Option, ProjectionChoice
from catalog.services.index.training.retrieval_samples import CopySample, LabelledSample
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_centring, fit_whitening

# Fewer images are compared by plain similarity.
MIN_IMAGES = 100
# Strengths of the whitening's shrinkage that are tried.
SHRINKAGES = (64.0, 16.0, 4.0)
# Plain similarity, centring and whitenings, from the simplest on. A later one must be better by this much.
MIN_GAIN = 0.002
# The stronger the whitening, the better are altered copies found, but the worse are pictures of the same kind. So
# without labels only a weak one is tried, where it is well estimated. Measured in docs/quality.md.
SHRINKAGES_WITHOUT_LABELS, MIN_IMAGES_WITHOUT_LABELS = (64.0,), 1_000
# In an automatic rebuild, altered copies are made of one in so many images, so that it takes little time beside the
# extraction of their descriptors.
IMAGES_PER_COPY = 100


def choose_projection(
    space: FeatureSpace, locations: np.ndarray, vectors: np.ndarray, label_kind: str | None, *, automatic: bool
) -> ProjectionChoice:
    """Compare projections on a sample of the catalogue.

    Args:
        locations: of all descriptors, from `sampling.descriptor_locations`.
        vectors: a sample of the descriptors, to fit projections to: float32, n × d.
        label_kind: labels that may teach the projection; None for none.
        automatic: whether nobody asked for this rebuild. Then the network runs for few altered copies, or none.

    Raises:
        SegmentDamaged: a segment cannot be read.
    """
    if len(vectors) < MIN_IMAGES:
        return ProjectionChoice(None, "plain")
    sample = _take_sample(space, locations, label_kind, automatic=automatic)
    projections = _candidates(vectors, _shrinkages(sample, len(vectors)))
    if sample is None:
        name = "centred" if "centred" in projections else "plain"
        return ProjectionChoice(projections[name], name)
    choice = _choose(projections, sample)
    if label_kind is not None:
        return label_teaching.teach(choice, space, locations, label_kind)
    return choice if automatic else replace(choice, suggestion=label_teaching.suggest(choice, space, locations))


def _take_sample(
    space: FeatureSpace, locations: np.ndarray, label_kind: str | None, *, automatic: bool
) -> LabelledSample | CopySample | None:
    sample = retrieval_samples.labelled_sample(space, locations, label_kind)
    copied_images = retrieval_samples.COPIED_IMAGES
    if automatic:
        copied_images = min(copied_images, len(locations) // IMAGES_PER_COPY)
    if sample is not None or copied_images < retrieval_samples.MIN_COPIED_IMAGES:
        return sample
    return retrieval_samples.copy_sample(space, locations, copied_images)


def _shrinkages(sample: LabelledSample | CopySample | None, image_count: int) -> tuple[float, ...]:
    """Return the shrinkages of the whitenings that can be compared on a sample."""
    if isinstance(sample, LabelledSample):
        return SHRINKAGES
    return SHRINKAGES_WITHOUT_LABELS if sample and image_count >= MIN_IMAGES_WITHOUT_LABELS else ()


def _candidates(vectors: np.ndarray, shrinkages: tuple[float, ...]) -> dict[str, Projection | None]:
    """Return the projections to compare by name, simplest first."""
    centring = fit_centring(vectors)
    if centring is None:
        return {"plain": None}
    whitenings = {f"whitened {shrinkage:g}": fit_whitening(vectors, shrinkage) for shrinkage in shrinkages}
    return {"plain": None, "centred": centring, **whitenings}


def _choose(projections: dict[str, Projection | None], sample: LabelledSample | CopySample) -> ProjectionChoice:
    options = [
        Option(name, *(round(value, 4) for value in sample.measure(projection)))
        for name, projection in projections.items()
    ]
    plain = options[0]
    # Copies say nothing about pictures of the same kind, for which neighbours help.
    augmented = sample.kind == "copies" or any(
        option.quality_augmented >= max(plain.quality, option.quality) for option in options
    )

    def quality(option: Option) -> float:
        return option.quality_augmented if augmented else option.quality

    best = plain
    for option in options[1:]:
        # Centring makes scores of unlike pictures differ more from others, so that it wins a draw.
        min_gain = 0.0 if option.name == "centred" else MIN_GAIN
        if quality(option) >= quality(best) + min_gain:
            best = option
    return ProjectionChoice(projections[best.name], best.name, augmented, sample.kind, len(sample.vectors), options)
