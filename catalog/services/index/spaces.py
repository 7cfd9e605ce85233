"""The feature spaces of the catalogue, the active generation, and the extractors of spaces.

A catalogue keeps its feature space until somebody starts a re-extraction. Weights that become available later do not
change it.
"""

import logging
from functools import lru_cache
from itertools import count

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from catalog.exceptions import WeightsUnavailable
from catalog.features import extractors, weights, weights_download
from catalog.features.extractors import Extractor
from catalog.features.feature_space import Space
from catalog.features.weights import Weights
from catalog.models import Descriptor, FeatureSpace, Generation

logger = logging.getLogger(__name__)


def active_generation() -> Generation | None:
    """Return the active generation; None if no image has been indexed yet."""
    return Generation.objects.filter(state=Generation.State.ACTIVE).select_related("space").first()


def active_space() -> FeatureSpace | None:
    """Return the feature space of the active generation; None if no image has been indexed yet."""
    generation = active_generation()
    return generation.space if generation else None


def serving_generation(space: FeatureSpace) -> Generation | None:
    """Return the generation for searches in `space`: the active one, or the last active one of that space."""
    generations = space.generations.exclude(state=Generation.State.BUILDING).select_related("space")
    return generations.order_by("state", "-activated_at").first()  # "active" before "retired"


def has_descriptor_in(space: FeatureSpace) -> Exists:
    """Return the query condition that an image has a descriptor in `space`."""
    return Exists(Descriptor.objects.filter(image=OuterRef("pk"), space=space))


def get_or_create_active_space() -> FeatureSpace:
    """Return the active feature space. A new catalogue gets the space of the extractor in the settings.

    Raises:
        WeightsUnavailable: the settings require weights that are missing.
    """
    generation = active_generation()
    if generation is None:
        space = get_or_create_space(_default_weights())
        try:
            with transaction.atomic():
                now = timezone.now()
                Generation.objects.create(space=space, state=Generation.State.ACTIVE, activated_at=now)
        except IntegrityError:
            logger.info("Another process has created the first generation.")
        generation = active_generation()
    assert generation is not None  # noqa: S101, it was created above
    return generation.space


def _default_weights() -> Weights:
    """Return VGG16's weights if the settings allow it and they can be found or downloaded; else the compact ones."""
    if settings.EXTRACTOR != "vgg16-compact":
        try:
            return fetch_weights()
        except WeightsUnavailable as error:
            if settings.EXTRACTOR == "vgg16" or settings.VGG16_WEIGHTS:
                raise
            logger.warning("%s", error)
    return choose_weights("vgg16-compact")


def choose_weights(preference: str | None = None) -> Weights:
    """Return the weights of an extractor; None stands for the one in the settings. Raises WeightsUnavailable."""
    return extractors.choose_weights(preference or settings.EXTRACTOR, settings.VGG16_WEIGHTS)


def get_or_create_space(chosen_weights: Weights) -> FeatureSpace:
    """Return the row of the feature space of these weights, and create it if there is none."""
    space = extractors.space_for_weights(chosen_weights)
    defaults = {"extractor": space.extractor, "description": space.as_json()}
    return FeatureSpace.objects.get_or_create(key=space.key, defaults=defaults)[0]


def create_or_resume_space(chosen_weights: Weights) -> FeatureSpace:
    """Return a feature space without generations, for extracting all descriptors again with these weights.

    If an earlier re-extraction was stopped, this is its space, with the descriptors it had extracted.
    """
    space = extractors.space_for_weights(chosen_weights)
    rows = FeatureSpace.objects.filter(key__startswith=space.key)
    unfinished = rows.filter(generations=None).first()
    if unfinished:
        return unfinished
    used_keys = set(rows.values_list("key", flat=True))
    keys = (space.key if number == 1 else f"{space.key}-{number}" for number in count(1))
    free_key = next(key for key in keys if key not in used_keys)
    return FeatureSpace.objects.create(key=free_key, extractor=space.extractor, description=space.as_json())


def get_extractor(row: FeatureSpace, *, for_batches: bool = False) -> Extractor:
    """Return the extractor of a space. Each process loads a network only once.

    Args:
        for_batches: whether to optimise for the throughput of many pictures, instead of the latency of one.

    Raises:
        WeightsUnavailable: the weights of the space are missing.
    """
    return _build_extractor(Space.from_json(row.description), for_batches)


@lru_cache(maxsize=2)
def _build_extractor(space: Space, for_batches: bool) -> Extractor:
    return Extractor.from_weights(
        extractors.weights_for_space(space, settings.VGG16_WEIGHTS),
        space,
        runtime=settings.RUNTIME,
        cache_dir=settings.MODELS_DIR,
        threads=settings.THREADS,
        parallel_pictures=for_batches,
    )


def fetch_weights(progress: weights_download.ProgressCallback = lambda done, total: None) -> Weights:
    """Return VGG16's ImageNet weights. Download them to Keras's cache if they are missing.

    Raises:
        WeightsUnavailable: they are missing and cannot be downloaded.
        WeightsDamaged: the file is not the one that Keras publishes.
    """
    configured_path = settings.VGG16_WEIGHTS
    if not configured_path and not (weights.keras_cache_dir() / weights.VGG16_FILE).exists():
        weights_download.download_weights(
            weights.keras_cache_dir(), timeout=settings.DOWNLOAD_TIMEOUT, progress=progress
        )
    return weights.vgg16_weights(configured_path)


def check_configured_weights() -> None:
    """Raise WeightsUnavailable if the settings name a weights file that is missing or damaged."""
    if settings.VGG16_WEIGHTS:
        weights.vgg16_weights(settings.VGG16_WEIGHTS)


def uses_compact_fallback(generation: Generation | None) -> bool:
    """Return whether the compact network is used. `generation` is the active one; None for a new catalogue."""
    if generation is not None:
        return generation.space.extractor == weights.VGG16_COMPACT.name
    return choose_weights().architecture == weights.VGG16_COMPACT
