"""Teaching the ranking with labels, where held-out images and held-out labels show that it helps."""

from dataclasses import dataclass, replace

import numpy as np

from catalog.models import FeatureSpace
from catalog.services.index.training import sampling
from catalog.services.index.training.code_specs import MIN_LABELS, training_labels
from catalog.services.index.training.image_labels import LABEL_KINDS
from catalog.services.index.training.projection_choice import ProjectionChoice, Teaching
from catalog.services.index.training.retrieval_samples import MAX_IMAGES, LabelledSample
from catalog.vectors.projections.discriminants import Discriminants, fit_discriminants
from catalog.vectors.projections.projection import Projection

# Weights of the discriminant directions that are tried. 1 only whitens within labels.
WEIGHTS = (1.0, 1.35, 2.0, 3.0)
# Shares of the labels, and of the images of the other labels, that are held out.
HELD_OUT_LABELS, HELD_OUT_IMAGES = 0.25, 0.33
# How often images and labels are held out at random; the means of the results count.
TRIALS = 3
# With fewer labels, none are held out.
MIN_LABELS_TO_HOLD_OUT = 8
# Images of other kinds may lose this much where they are this small a share of the catalogue.
TOLERANCE, NEGLIGIBLE_SHARE = 0.002, 0.1
# Of weights that gain as much but for this, the smallest is taken: it changes images of other kinds least.
NEGLIGIBLE_GAIN = 0.005
# By how many standard errors held-out images must gain: few images gain something by chance, whatever the labels.
MIN_STANDARD_ERRORS = 2.5


@dataclass(frozen=True)
class _Split:
    """Labelled descriptors: for teaching, held-out images of the same labels, and images of held-out labels."""

    taught: LabelledSample
    images: LabelledSample
    labels: LabelledSample | None


@dataclass(frozen=True)
class _HeldOut:
    """The average precision of each held-out image: float64, and of each image of a held-out label."""

    images: np.ndarray
    labels: np.ndarray | None

    @classmethod
    def measure(cls, split: _Split, choice: ProjectionChoice, projection: Projection | None) -> "_HeldOut":
        number = 1 if choice.augmented else 0
        labels = split.labels.precisions(projection)[number] if split.labels else None
        return cls(split.images.precisions(projection)[number], labels)


def teach(choice: ProjectionChoice, space: FeatureSpace, locations: np.ndarray, kind: str) -> ProjectionChoice:
    """Return the choice with a projection that labels teach, if it is better; else the choice as it is.

    Args:
        choice: the best projection without labels.
        locations: of all descriptors, from `sampling.descriptor_locations`.
        kind: one of `image_labels.LABEL_KINDS`.

    Raises:
        SegmentDamaged: a segment cannot be read.
    """
    labelled, others, labelled_share = _read_labelled(space, locations, kind)
    mean = choice.projection.mean if choice.projection else _mean(labelled, others, labelled_share)
    trials = [_try(choice, labelled, others, mean, labelled_share, seed) for seed in range(TRIALS)]
    teachings = [_average(weight, [trial[weight][0] for trial in trials]) for weight in WEIGHTS]
    most = max(map(_gain, teachings))
    best = next(teaching for teaching in teachings if _gain(teaching) >= most - NEGLIGIBLE_GAIN)
    gains = np.concatenate([trial[best.weight][1] for trial in trials])
    if _gain(best) <= 0 or not _is_certain(gains):
        return replace(choice, teaching=replace(best, weight=0.0))
    projection = fit_discriminants(labelled.vectors, labelled.labels, mean).projection(best.weight)
    return replace(choice, projection=projection, name=f"taught by {kind}s", teaching=best)


def _try(  # noqa: PLR0913, PLR0917
    choice: ProjectionChoice,
    labelled: LabelledSample,
    others: np.ndarray,
    mean: np.ndarray,
    labelled_share: float,
    seed: int,
) -> dict[float, tuple[Teaching, np.ndarray]]:
    """Return for each weight what one random split measures, and the gain of each held-out image: float64, n."""
    split = _split(labelled, seed)
    discriminants = fit_discriminants(split.taught.vectors, split.taught.labels, mean)
    known_share = _known_share(discriminants, split, others, labelled_share)
    before = _HeldOut.measure(split, choice, choice.projection)
    results = {}
    for weight in WEIGHTS:
        taught = _HeldOut.measure(split, choice, discriminants.projection(weight))
        teaching = Teaching(
            kind=labelled.kind,
            weight=weight,
            held_out_images=float(taught.images.mean()),
            held_out_images_before=float(before.images.mean()),
            held_out_labels=_mean_or_none(taught.labels),
            held_out_labels_before=_mean_or_none(before.labels),
            known_share=known_share,
        )
        results[weight] = (teaching, taught.images - before.images)
    return results


def _mean_or_none(values: np.ndarray | None) -> float | None:
    return None if values is None else float(values.mean())


def _average(weight: float, teachings: list[Teaching]) -> Teaching:
    """Return the mean of what several splits measured."""

    def mean(name: str) -> float:
        return round(float(np.mean([getattr(teaching, name) for teaching in teachings])), 4)

    has_labels = teachings[0].held_out_labels is not None
    return Teaching(
        kind=teachings[0].kind,
        weight=weight,
        held_out_images=mean("held_out_images"),
        held_out_images_before=mean("held_out_images_before"),
        held_out_labels=mean("held_out_labels") if has_labels else None,
        held_out_labels_before=mean("held_out_labels_before") if has_labels else None,
        known_share=mean("known_share"),
    )


def suggest(choice: ProjectionChoice, space: FeatureSpace, locations: np.ndarray) -> Teaching | None:
    """Return what the labels of the catalogue would teach; None if no kind of labels would help. Raises as `teach`."""
    for kind in LABEL_KINDS:
        if len(np.unique(training_labels(kind).labels)) >= MIN_LABELS:
            teaching = teach(choice, space, locations, kind).teaching
            if teaching and teaching.weight:
                return teaching
    return None


def _gain(teaching: Teaching) -> float:
    """Return the expected gain of a search in the catalogue; -1 if images of other kinds would lose."""
    images_gain = teaching.held_out_images - teaching.held_out_images_before
    if teaching.held_out_labels is None or teaching.held_out_labels_before is None:
        return images_gain
    labels_gain = teaching.held_out_labels - teaching.held_out_labels_before
    other_share = 1 - teaching.known_share
    if other_share > NEGLIGIBLE_SHARE and labels_gain < -TOLERANCE:
        return -1.0
    return (1 - other_share) * images_gain + other_share * labels_gain


def _is_certain(gains: np.ndarray) -> bool:
    """Return whether held-out images are found better by more than chance explains.

    Args:
        gains: of all trials, float64, n. They share images, so that they tell only as much as one trial.
    """
    return bool(gains.mean() > MIN_STANDARD_ERRORS * gains.std() / np.sqrt(len(gains) / TRIALS))


def _read_labelled(space: FeatureSpace, locations: np.ndarray, kind: str) -> tuple[LabelledSample, np.ndarray, float]:
    """Return samples of the descriptors with a label and of those without, float32, n × d, and the share of the former.

    The share is that in the catalogue, not in the samples.
    """
    labels = training_labels(kind)
    is_labelled = np.isin(locations[:, 2], labels.images)
    others = sampling.read_vectors(space, sampling.sample(locations[~is_labelled], MAX_IMAGES))
    labelled = LabelledSample(kind, *sampling.read_labelled(space, locations, labels))
    return labelled, others, float(is_labelled.mean())


def _mean(labelled: LabelledSample, others: np.ndarray, labelled_share: float) -> np.ndarray:
    """Return the mean of all descriptors of the catalogue, estimated from the samples: float32, d."""
    mean = labelled.vectors.mean(axis=0, dtype=np.float64)
    if len(others):
        mean = labelled_share * mean + (1 - labelled_share) * others.mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def _split(labelled: LabelledSample, seed: int) -> _Split:
    """Hold out some labels, and some images of each other label. The same sample and seed give the same split."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(np.unique(labelled.labels))
    held_out_count = int(len(kinds) * HELD_OUT_LABELS) if len(kinds) >= MIN_LABELS_TO_HOLD_OUT else 0
    has_held_out_label = np.isin(labelled.labels, kinds[:held_out_count])
    is_held_out = np.zeros(len(labelled.labels), bool)
    for kind in kinds[held_out_count:]:
        positions = rng.permutation(np.flatnonzero(labelled.labels == kind))
        is_held_out[positions[: max(2, int(len(positions) * HELD_OUT_IMAGES))]] = True

    def part(mask: np.ndarray) -> LabelledSample:
        return LabelledSample(labelled.kind, labelled.vectors[mask], labelled.labels[mask])

    return _Split(
        part(~is_held_out & ~has_held_out_label),
        _limit(part(is_held_out)),
        _limit(part(has_held_out_label)) if held_out_count >= 2 else None,
    )


def _limit(sample: LabelledSample) -> LabelledSample:
    """Return at most MAX_IMAGES of a sample, label by label: only the last label may be incomplete."""
    if len(sample.labels) <= MAX_IMAGES:
        return sample
    order = np.argsort(sample.labels, kind="stable")[:MAX_IMAGES]
    return LabelledSample(sample.kind, sample.vectors[order], sample.labels[order])


def _known_share(discriminants: Discriminants, split: _Split, others: np.ndarray, labelled_share: float) -> float:
    """Return the estimated share of images that show what labels name: labelled ones, and others like them."""
    if not len(others) or split.labels is None:
        return labelled_share if len(others) else 1.0
    known = discriminants.distinctness(split.images.vectors)
    unknown = discriminants.distinctness(split.labels.vectors)
    threshold = (np.median(known) + np.median(unknown)) / 2
    true_rate, false_rate = (known > threshold).mean(), (unknown > threshold).mean()
    found_rate = (discriminants.distinctness(others) > threshold).mean()
    share = float(np.clip((found_rate - false_rate) / max(true_rate - false_rate, 1e-6), 0, 1))
    return labelled_share + (1 - labelled_share) * share
