"""Which feature space the catalogue is in, and the extractor that speaks it.

A catalogue keeps its space until someone rebuilds: weights that become reachable later change nothing.
"""

import logging
from functools import lru_cache
from itertools import count

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.exceptions import WeightsUnavailable
from catalog.features import download, extractors, weights
from catalog.features.extractors import Extractor
from catalog.features.spaces import Space
from catalog.features.weights import Weights
from catalog.models import Descriptor, FeatureSpace, Generation

logger = logging.getLogger(__name__)


def active() -> Generation | None:
    """The generation that serves; None before the first image is described."""
    return Generation.objects.filter(state=Generation.State.ACTIVE).select_related("space").first()


def active_space() -> FeatureSpace | None:
    """That of the generation that serves; None before the first image is described."""
    generation = active()
    return generation.space if generation else None


def serving(space: FeatureSpace) -> Generation | None:
    """The generation that searches of `space` are answered by: the active one, or the last that was, if it was another
    space's turn meanwhile."""
    served = space.generations.exclude(state=Generation.State.BUILDING).select_related("space")
    return served.order_by("state", "-activated_at").first()  # "active" before "retired"


def described_in(space: FeatureSpace) -> Exists:
    """The condition that an image has a descriptor in `space`."""
    return Exists(Descriptor.objects.filter(image=OuterRef("pk"), space=space))


def active_or_first() -> FeatureSpace:
    """The active feature space; on a catalogue that has none yet, that of the preferred extractor becomes it.

    Raises:
        WeightsUnavailable: the extractor that the settings ask for is not here.
    """
    generation = active()
    if generation is None:
        space = record(_first_choice())
        try:
            with transaction.atomic():
                now = timezone.now()
                Generation.objects.create(space=space, state=Generation.State.ACTIVE, activated_at=now)
        except IntegrityError:
            logger.info("another process was first to choose the feature space")
        generation = active()
    assert generation is not None  # noqa: S101
    return generation.space


def _first_choice() -> Weights:
    """VGG16 where the settings allow it and its weights are here or can be fetched, else the compact network."""
    if settings.EXTRACTOR != "vgg16-compact":
        try:
            return fetch_weights()
        except WeightsUnavailable as fault:
            if settings.EXTRACTOR == "vgg16" or settings.VGG16_WEIGHTS:
                raise
            logger.warning("%s", fault)
    return choose("vgg16-compact")


def choose(preference: str | None = None) -> Weights:
    """The weights that `preference`, or else the settings, ask for. Raises WeightsUnavailable."""
    return extractors.choose(preference or settings.EXTRACTOR, settings.VGG16_WEIGHTS)


def record(chosen: Weights) -> FeatureSpace:
    """The row of the feature space that these weights give."""
    space = extractors.space_of(chosen)
    made = {"extractor": space.extractor, "description": space.as_json()}
    return FeatureSpace.objects.get_or_create(key=space.key, defaults=made)[0]


def record_anew(chosen: Weights) -> FeatureSpace:
    """A row for describing everything again with these weights, be they those in use: no generation has it yet.

    Where a rebuild was stopped, that is the row it had, with what it had described.
    """
    space = extractors.space_of(chosen)
    rows = FeatureSpace.objects.filter(key__startswith=space.key)
    begun = rows.filter(generations=None).first()
    if begun:
        return begun
    taken = set(rows.values_list("key", flat=True))
    keys = (space.key if number == 1 else f"{space.key}-{number}" for number in count(1))
    free = next(key for key in keys if key not in taken)
    return FeatureSpace.objects.create(key=free, extractor=space.extractor, description=space.as_json())


def extractor(row: FeatureSpace, *, for_batches: bool = False) -> Extractor:
    """The extractor of a space, its network loaded once a process.

    Args:
        for_batches: whether it is to describe many pictures, rather than one that somebody waits for.

    Raises:
        WeightsUnavailable: the weights it was made with are not here.
    """
    return _extractor(Space.from_json(row.description), for_batches)


@lru_cache(maxsize=2)
def _extractor(space: Space, for_batches: bool) -> Extractor:
    return Extractor.of(
        extractors.weights_of(space, settings.VGG16_WEIGHTS),
        space,
        runtime=settings.RUNTIME,
        cache=settings.MODELS_DIR,
        threads=settings.THREADS,
        side_by_side=for_batches,
    )


def fetch_weights(progress: download.Progress = lambda done, total: None) -> Weights:
    """VGG16's ImageNet weights: those that are here, or else downloaded into Keras's cache.

    Raises:
        WeightsUnavailable: they are not here and cannot be fetched.
        WeightsDamaged: the file that is here is not the one that Keras publishes.
    """
    named = settings.VGG16_WEIGHTS
    if not named and not (weights.keras_cache() / weights.VGG16_FILE).exists():
        download.fetch(weights.keras_cache(), timeout=settings.DOWNLOAD_TIMEOUT, progress=progress)
    return weights.vgg16(named)


def check_named_weights() -> None:
    """Raise WeightsUnavailable unless the weights that somebody named are there and what they should be."""
    if settings.VGG16_WEIGHTS:
        weights.vgg16(settings.VGG16_WEIGHTS)


def stand_in_is_used(generation: Generation | None) -> bool:
    """Whether the compact network describes the catalogue, or would, were a picture added now."""
    if generation is not None:
        return generation.space.extractor == weights.VGG16_COMPACT.name
    return choose().architecture == weights.VGG16_COMPACT
