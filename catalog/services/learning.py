"""What a generation learns from the store: the projection that descriptors are compared under, and what scores mean."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from multiprocessing import get_context
from typing import Any

import numpy as np
from django.db import transaction

from catalog.exceptions import ImageSearchError
from catalog.models import Coder as CoderRow
from catalog.models import Descriptor, FeatureSpace, Generation, Image
from catalog.models import Projection as ProjectionRow
from catalog.services import store
from catalog.services.labels import Labels
from catalog.vectors import calibration, codes, latent, projection, two_stage
from catalog.vectors.calibration import Calibration, Likeness
from catalog.vectors.codes import Coder
from catalog.vectors.latent import Labelled
from catalog.vectors.projection import Projection
from catalog.vectors.segments import open_segment
from catalog.vectors.snapshot import Snapshot

Progress = Callable[[str, int, int], None]

# Of more images than this, so many drawn at random teach as well.
SAMPLE = 20_000
# One label tells nothing apart.
FEWEST_LABELS = 2
# So many images ask when recall is measured.
QUERIES = 100


@dataclass(frozen=True)
class Codes:
    """What codes a generation is to have.

    Attributes:
        bits: of a code. None: the usual number for the kind.
        labels: one of `labels.KINDS`: what teaches them; None: they are made without labels.
    """

    bits: int | None = None
    labels: str | None = None

    def check(self) -> None:
        """Raise ImageSearchError if the labels of the catalogue cannot teach."""
        if self.labels is None:
            return
        if Image.objects.indexed().count() < projection.ENOUGH:
            raise ImageSearchError(
                "Codes are learned from {enough} searchable images on. Add more, or leave the labels out.",
                enough=projection.ENOUGH,
            )
        found = len(np.unique(_teaching(self.labels).labels))
        if found < FEWEST_LABELS:
            raise ImageSearchError(
                "The {kind}s of this catalogue cannot teach codes: that takes {fewest} {kind}s or more of {enough} "
                "searchable images or more each, and there are {found}. Group more images, or leave the labels out.",
                kind=self.labels,
                fewest=FEWEST_LABELS,
                enough=latent.ENOUGH,
                found=found,
            )


# Without labels, and as many bits as usual.
USUAL = Codes()


def learn(generation: Generation, wanted: Codes = USUAL, progress: Progress = lambda phase, done, total: None) -> None:
    """Learn from what is stored in the generation's space, and note it in its row.

    It is noted as learned from all images, of which SAMPLE at most teach: a sample does not grow with the catalogue.

    Raises:
        SegmentDamaged: a segment cannot be read.
        ImageSearchError: the training of codes was stopped.
    """
    progress("learning", 0, 1)
    places = _places(generation.space)
    vectors = _vectors(generation.space, _sampled(places))
    learned = projection.learn(vectors)
    progress("learning", 1, 1)
    coder, quality = _coder_for(generation.space, learned, wanted, progress) if learned else (None, None)
    measured = calibration.calibrate(learned.whitened(vectors) if learned else vectors)
    with transaction.atomic():
        generation.learned_from = len(places)
        generation.projection = _row_of(learned) if learned else None
        generation.coder = _coder_row_of(coder) if coder else None
        generation.code_quality = quality
        generation.calibration = measured.as_json() if measured else None
        # Unlike `save`, no fault where another machine has begun a rebuild and given this generation up.
        Generation.objects.filter(pk=generation.pk).update(
            learned_from=generation.learned_from,
            projection=generation.projection,
            coder=generation.coder,
            code_quality=generation.code_quality,
            calibration=generation.calibration,
        )


def codes_wanted(generation: Generation) -> Codes:
    """What the next generation is to have, so that it has codes as this one has."""
    quality = generation.code_quality
    wanted = Codes(generation.coder.bits if generation.coder else None, quality["taught_by"] if quality else None)
    try:
        wanted.check()
    except ImageSearchError:  # its labels are gone
        return USUAL
    return wanted


def projection_of(generation: Generation) -> Projection | None:
    """What the descriptors of a generation are whitened by; None: they are compared as they are."""
    return _projection(generation.projection_id) if generation.projection_id else None


def coder_of(generation: Generation) -> Coder | None:
    """What makes the codes of a generation; None: it has none."""
    return _coder(generation.coder_id) if generation.coder_id else None


def tune(generation: Generation, snapshot: Snapshot) -> None:
    """Find out how many candidates the codes of a generation must choose, and note it in its row.

    Args:
        snapshot: of the generation, as it is searched.
    """
    if snapshot.coder is None:
        return
    places = _places(generation.space)
    asking = places[np.sort(np.random.default_rng(0).choice(len(places), min(QUERIES, len(places)), replace=False))]
    queries = snapshot.whitened(_vectors(generation.space, asking))
    generation.candidates, generation.recall = two_stage.tune(snapshot, queries)
    Generation.objects.filter(pk=generation.pk).update(candidates=generation.candidates, recall=generation.recall)


def calibration_of(generation: Generation) -> Calibration | None:
    """What the scores of a generation mean; None where it had too few images to tell."""
    return Calibration(**generation.calibration) if generation.calibration else None


def outgrown(generation: Generation) -> bool:
    """Whether the catalogue has changed so much since that it should learn again: to twice the images or half of them,
    or to so many that they teach something at all.
    """
    images = Descriptor.objects.filter(space=generation.space, image__isnull=False).count()
    taught = generation.learned_from
    if 0 < 2 * images <= taught:
        return True
    return any(taught < enough <= images for enough in (calibration.ENOUGH, projection.ENOUGH, 2 * taught))


def comparison_in_words(generation: Generation) -> str:
    """How a generation compares descriptors, and why so, for its operator."""
    taught = generation.learned_from
    if generation.projection_id:
        return f"whitened, as {taught:,} images taught"
    if not taught:
        return "compared as they are: nothing is learned yet"
    if taught < projection.ENOUGH:
        return f"compared as they are: fewer than {projection.ENOUGH} images teach no whitening"
    return "compared as they are: the images are all the same to the network"


def codes_in_words(generation: Generation) -> str:
    """How a generation chooses candidates, for the operator of the catalogue."""
    if generation.coder is None or generation.candidates is None or generation.recall is None:
        return "none: every search compares with every image"
    told = (
        f"{generation.coder.bits} bits; {generation.candidates:,} candidates hold {generation.recall:.1%} of the "
        f"{two_stage.AT} best. Searches among {two_stage.EXACT_BELOW:,} images or fewer compare with every one"
    )
    quality = generation.code_quality
    if not quality:
        return told
    return (
        f"{told}. Learned from {quality['labels']} {quality['taught_by']}s; of {quality['held_out']:,} images held out "
        f"{quality['accuracy']:.1%} are given their own, and codes alone rank them with a mAP of {quality['map']:.3f}"
    )


def scores_in_words(generation: Generation) -> str:
    """From which score on two pictures are how much alike, for the operator of the catalogue."""
    meaning = calibration_of(generation)
    if meaning is None:
        return f"not said: that takes {calibration.ENOUGH} images that differ"
    return ", ".join(f"{word} from {meaning.least(word):.2f}" for word in Likeness if word is not Likeness.WEAK)


def _row_of(learned: Projection) -> ProjectionRow:
    numbers = learned.as_bytes()
    return ProjectionRow.objects.get_or_create(digest=sha256(numbers).hexdigest(), defaults={"numbers": numbers})[0]


@lru_cache(maxsize=2)
def _projection(digest: str) -> Projection:
    return Projection.from_bytes(bytes(ProjectionRow.objects.get(pk=digest).numbers))


def _coder_row_of(coder: Coder) -> CoderRow:
    numbers = coder.as_bytes()
    made = {"bits": coder.bits, "numbers": numbers}
    return CoderRow.objects.get_or_create(digest=sha256(numbers).hexdigest(), defaults=made)[0]


@lru_cache(maxsize=2)
def _coder(digest: str) -> Coder:
    row = CoderRow.objects.get(pk=digest)
    return Coder.from_bytes(bytes(row.numbers), row.bits)


def _coder_for(
    space: FeatureSpace, learned: Projection, wanted: Codes, progress: Progress
) -> tuple[Coder, dict[str, Any] | None]:
    if wanted.labels is None:
        return codes.rotated(len(learned.mean), wanted.bits or codes.BITS), None
    bits = wanted.bits or latent.BITS
    progress("training the codes", 0, 1)
    coder, quality = _apart(latent.learn, _labelled(space, learned, _teaching(wanted.labels)), bits)
    progress("training the codes", 1, 1)
    return coder, {"taught_by": wanted.labels, **asdict(quality)}


def _teaching(kind: str) -> Labels:
    return Labels.of(kind).one_each(latent.ENOUGH)


def _labelled(space: FeatureSpace, learned: Projection, labels: Labels) -> Labelled:
    """What the images with labels are compared by, SAMPLE of them at most, and the labels, numbered from 0 on."""
    places = _places(space)
    places = _sampled(places[np.isin(places[:, 2], labels.images)])
    its = labels.labels[np.searchsorted(labels.images, places[:, 2])]
    return Labelled(learned.whitened(_vectors(space, places)), np.unique(its, return_inverse=True)[1])


def _apart(work: Callable[..., Any], *args: Any) -> Any:
    """Do it in a process of its own: TensorFlow is to stay out of those that serve, and its memory goes with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(work, *args).result()
        except BrokenProcessPool as fault:
            raise ImageSearchError(
                "The training of the codes was stopped from outside, most likely for want of memory. "
                "The index is as it was."
            ) from fault


def _places(space: FeatureSpace) -> np.ndarray:
    """Where the descriptors of all images lie: int64, n × 3, segment, row and image, always in the same order."""
    living = Descriptor.objects.filter(space=space, image__isnull=False).order_by("segment", "row")
    return np.fromiter(living.values_list("segment", "row", "image").iterator(), np.dtype((np.int64, 3)))


def _sampled(places: np.ndarray) -> np.ndarray:
    """SAMPLE of the places, drawn at random but the same each time, in their order; all where they are no more."""
    if len(places) <= SAMPLE:
        return places
    return places[np.sort(np.random.default_rng(0).choice(len(places), SAMPLE, replace=False))]


def _vectors(space: FeatureSpace, places: np.ndarray) -> np.ndarray:
    """The descriptors at these places: float32, n × d."""
    parts = []
    for segment in space.segments.filter(pk__in=np.unique(places[:, 0]).tolist()).order_by("pk"):
        rows = places[places[:, 0] == segment.pk, 1]
        parts.append(open_segment(store.path_of(segment.name)).vectors[rows])
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)
