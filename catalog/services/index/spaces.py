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
from catalog.features.networks import Network, NetworkSources
from catalog.features.networks.efficientnet_lite import NAME as EFFICIENTNET_LITE2
from catalog.features.networks.opening import open_network
from catalog.features.networks.vgg16 import Vgg16, vgg16_network
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
        space = get_or_create_space(_default_network())
        try:
            with transaction.atomic():
                now = timezone.now()
                Generation.objects.create(space=space, state=Generation.State.ACTIVE, activated_at=now)
        except IntegrityError:
            logger.info("Another process has created the first generation.")
        generation = active_generation()
    assert generation is not None  # noqa: S101, it was created above
    return generation.space


def _default_network() -> Network:
    """Return the network of the settings. VGG16's weights are downloaded if they are missing.

    With the setting `auto`, it is EfficientNet-Lite2 if that fails.
    """
    if settings.EXTRACTOR in ("auto", "vgg16"):
        try:
            return fetch_weights()
        except WeightsUnavailable as error:
            if settings.EXTRACTOR == "vgg16" or settings.VGG16_WEIGHTS:
                raise
            logger.info("%s", error)
    return choose_network(may_convert=True)


def choose_network(preference: str | None = None, *, may_convert: bool = False) -> Network:
    """Return the network of a value of IMAGESEARCH_EXTRACTOR; None stands for the one in the settings.

    Args:
        may_convert: see `NetworkSources`. Never in a web process.

    Raises:
        WeightsUnavailable: see `open_network`.
    """
    return open_network(preference or settings.EXTRACTOR, network_sources(may_convert=may_convert))


def network_sources(*, may_convert: bool = False) -> NetworkSources:
    """Return where the settings let networks come from."""
    return NetworkSources(settings.EXTRACTOR, settings.VGG16_WEIGHTS, settings.MODELS_DIR, may_convert)


def get_or_create_space(network: Network) -> FeatureSpace:
    """Return the row of the feature space of a network, and create it if there is none."""
    space = extractors.space_for_network(network)
    defaults = {"extractor": space.extractor, "description": space.as_json()}
    return FeatureSpace.objects.get_or_create(key=space.key, defaults=defaults)[0]


def create_or_resume_space(network: Network) -> FeatureSpace:
    """Return a feature space without generations, for extracting all descriptors again with a network.

    If an earlier re-extraction was stopped, this is its space, with the descriptors it had extracted.
    """
    space = extractors.space_for_network(network)
    rows = FeatureSpace.objects.filter(key__startswith=space.key)
    # The key of a space with a basis begins with that of the space without.
    unfinished = next((row for row in rows.filter(generations=None) if Space.from_json(row.description) == space), None)
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
    return Extractor.from_network(
        extractors.network_for_space(space, network_sources(may_convert=for_batches)),
        space,
        # Keras is for many pictures on a GPU: TensorFlow would take a gigabyte of each web process.
        runtime=settings.RUNTIME if for_batches else "openvino",
        threads=settings.THREADS,
        parallel_pictures=for_batches,
    )


def fetch_weights(progress: weights_download.ProgressCallback = lambda done, total: None) -> Vgg16:
    """Return VGG16 with its ImageNet weights. Download them to Keras's cache if they are missing.

    Raises:
        WeightsUnavailable: they are missing and cannot be downloaded.
        WeightsDamaged: the file does not contain VGG16's layers, or the download is not the file that Keras publishes.
    """
    configured_path = settings.VGG16_WEIGHTS
    if not configured_path and not (weights.keras_cache_dir() / weights.VGG16_FILE).exists():
        weights_download.download_weights(
            weights.keras_cache_dir(), timeout=settings.DOWNLOAD_TIMEOUT, progress=progress
        )
    return vgg16_network(configured_path)


def check_network(generation: Generation | None) -> None:
    """Raise WeightsUnavailable if the network of the active generation, or of a new catalogue, is not available."""
    if generation:
        get_extractor(generation.space)
    else:
        choose_network()


def uses_bundled_network(generation: Generation | None) -> bool:
    """Return whether EfficientNet-Lite2 is used. `generation` is the active one; None for a new catalogue."""
    return (generation.space.extractor if generation else choose_network().name) == EFFICIENTNET_LITE2


def configured_vgg16() -> Vgg16 | None:
    """Return VGG16 if the settings name its weights file. Raises WeightsUnavailable if that is missing or damaged."""
    return vgg16_network(settings.VGG16_WEIGHTS) if settings.VGG16_WEIGHTS else None


def uses_unpublished_weights(generation: Generation | None) -> bool:
    """Return whether VGG16 is used with another file than Keras's own. `generation` is the active one, or None.

    Raises:
        WeightsUnavailable: the configured file is missing or damaged.
    """
    network = configured_vgg16()
    if network is None or network.is_published:
        return False
    return generation.space.extractor == network.name if generation else settings.EXTRACTOR in ("auto", network.name)
