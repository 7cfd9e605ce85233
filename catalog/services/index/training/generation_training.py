"""Training: fit a generation's projection and codes to the descriptors in the store, then calibrate its scores."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from django.db import transaction

from catalog.exceptions import ImageSearchError
from catalog.features.recipes import SCORE_LEVELS
from catalog.models import Descriptor, FeatureSpace, Generation
from catalog.services.index.training import projection_comparison, sampling, trained_parameters
from catalog.services.index.training.code_specs import DEFAULT_CODES, CodeSpec, training_labels
from catalog.services.index.training.projection_comparison import MIN_IMAGES
from catalog.services.jobs.progress import MEASURING, TRAINING, TRAINING_CODES, Progress, ignore_progress
from catalog.vectors import calibration, two_stage
from catalog.vectors.calibration import Calibration, LevelSigmas
from catalog.vectors.codes import binary_codes, supervised_hashing
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.supervised_hashing import LabelledVectors
from catalog.vectors.neighbours import augmentation
from catalog.vectors.projections.projection import Projection, project
from catalog.vectors.projections.unsupervised import fit_centring
from catalog.vectors.snapshot import Snapshot

# Number of queries with which the number of candidates is tuned, and with which scores are calibrated.
RECALL_QUERIES, CALIBRATION_QUERIES = 100, 200
# Images that each query is compared with to calibrate scores.
CALIBRATION_IMAGES = 250

Result = TypeVar("Result")


def train(
    generation: Generation,
    code_spec: CodeSpec = DEFAULT_CODES,
    progress: Progress = ignore_progress,
    *,
    automatic: bool = False,
) -> None:
    """Fit the projection and the codes to the descriptors in the generation's space, and save them with it.

    `training_image_count` is the number of all images, although at most MAX_TRAINING_IMAGES of them are used: it
    must grow with the catalogue, so that `needs_rebuild` can compare.

    Args:
        automatic: see `projection_comparison.choose_projection`.

    Raises:
        SegmentDamaged: a segment cannot be read.
        ImageSearchError: the process that trains the codes was killed.
    """
    progress(TRAINING, 0, 1)
    locations = sampling.descriptor_locations(generation.space)
    vectors = sampling.read_vectors(generation.space, sampling.training_sample(locations))
    choice = projection_comparison.choose_projection(
        generation.space, locations, vectors, code_spec.labels, automatic=automatic
    )
    progress(TRAINING, 1, 1)
    encoder, quality = _train_encoder(generation.space, choice.projection, locations, vectors, code_spec, progress)
    with transaction.atomic():
        projection = choice.projection and trained_parameters.save_projection(choice.projection)
        _save(
            generation,
            training_image_count=len(locations),
            projection=projection,
            projection_choice=choice.as_json(),
            encoder=trained_parameters.save_encoder(encoder) if encoder else None,
            code_quality=quality,
        )


def tune(generation: Generation, snapshot: Snapshot, progress: Progress = ignore_progress) -> None:
    """Measure how many candidates the codes need, and what scores mean, and save both with the generation.

    Args:
        snapshot: of the generation, with its codes and neighbour lists.
    """
    progress(MEASURING, 0, 1)
    locations = sampling.descriptor_locations(generation.space)
    if snapshot.encoder:
        chosen = sampling.sample(locations, RECALL_QUERIES)
        queries = snapshot.project(sampling.read_vectors(generation.space, chosen))
        candidate_count, recall = two_stage.tune_candidate_count(snapshot, queries, chosen[:, 2])
        _save(generation, candidate_count=candidate_count, recall_at_10=recall)
    fitted_calibration = _calibrate(generation.space, snapshot, locations)
    _save(generation, calibration=fitted_calibration.as_json() if fitted_calibration else None)
    progress(MEASURING, 1, 1)


def needs_rebuild(generation: Generation) -> bool:
    """Return whether the catalogue has changed so much since the training that a new one is worthwhile.

    This is so if it has doubled or halved, or has become large enough for a projection or a calibration.
    """
    image_count = Descriptor.objects.filter(space=generation.space, image__isnull=False).count()
    trained_on = generation.training_image_count
    if 0 < 2 * image_count <= trained_on:
        return True
    return any(
        trained_on < threshold <= image_count for threshold in (calibration.MIN_IMAGES, MIN_IMAGES, 2 * trained_on)
    )


def _save(generation: Generation, **fields: object) -> None:
    for name, value in fields.items():
        setattr(generation, name, value)
    # Unlike `save`, this does not fail if another machine has started a rebuild and deleted this generation.
    Generation.objects.filter(pk=generation.pk).update(**fields)


def _calibrate(space: FeatureSpace, snapshot: Snapshot, locations: np.ndarray) -> Calibration | None:
    """Calibrate scores with random images as queries for others. None for too few images, or if all are equal."""
    if len(locations) < calibration.MIN_IMAGES:
        return None
    chosen = sampling.sample(locations, CALIBRATION_QUERIES)
    queries = snapshot.project(sampling.read_vectors(space, chosen))
    rng = np.random.default_rng(0)
    all_rows = snapshot.row_index.rows_of(locations[:, 2]).astype(np.int64)
    similarities, scores = [], []
    for query_vector, image_id in zip(queries, chosen[:, 2].tolist(), strict=True):
        others = all_rows[(locations[:, 2] != image_id) & (all_rows >= 0)]
        rows = np.sort(rng.choice(others, min(CALIBRATION_IMAGES, len(others)), replace=False))
        query = two_stage.expand_query(snapshot, query_vector, exclude_id=image_id)
        row_scores, row_similarities = augmentation.score(snapshot, query, rows)
        scores.append(row_scores)
        similarities.append(row_similarities)
    levels = SCORE_LEVELS.get(space.extractor)
    sigmas = LevelSigmas(*levels) if levels else calibration.DEFAULT_SIGMAS
    return calibration.calibrate(np.concatenate(similarities), np.concatenate(scores), sigmas)


def _train_encoder(  # noqa: PLR0913, PLR0917
    space: FeatureSpace,
    projection: Projection | None,
    locations: np.ndarray,
    vectors: np.ndarray,
    code_spec: CodeSpec,
    progress: Progress,
) -> tuple[BinaryEncoder | None, dict[str, object] | None]:
    """Return an encoder and, if it was trained on labels, its quality for `Generation.code_quality`.

    Too few images, or equal ones, get no codes.
    """
    if len(vectors) < MIN_IMAGES or fit_centring(vectors) is None:
        return None, None
    if code_spec.labels is None:
        mean = project(projection, vectors).mean(axis=0)
        return binary_codes.random_rotation(mean, code_spec.bits or binary_codes.DEFAULT_BITS), None
    progress(TRAINING_CODES, 0, 1)
    labelled, labels = sampling.read_labelled(space, locations, training_labels(code_spec.labels))
    training_set = LabelledVectors(project(projection, labelled), np.unique(labels, return_inverse=True)[1])
    bits = code_spec.bits or supervised_hashing.DEFAULT_BITS
    encoder, quality = _run_in_subprocess(supervised_hashing.train_encoder, training_set, bits)
    progress(TRAINING_CODES, 1, 1)
    return encoder, {"label_kind": code_spec.labels, **asdict(quality)}


def _run_in_subprocess(function: Callable[..., Result], *args: object) -> Result:
    """Call `function` in a new process. This keeps TensorFlow out of this process, and frees its memory afterwards."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(function, *args).result()
        except BrokenProcessPool as error:
            raise ImageSearchError(
                "The process that trains the codes was killed, probably because memory ran out. "
                "The index is unchanged. Free memory and try again, or rebuild without labels."
            ) from error
