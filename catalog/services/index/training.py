"""Training: fit a generation's whitening, encoder and calibration to the descriptors in the store."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from django.db import transaction

from catalog.exceptions import ImageSearchError
from catalog.models import Descriptor, FeatureSpace, Generation
from catalog.services.index import sampling, trained_parameters
from catalog.services.index.code_specs import DEFAULT_CODES, CodeSpec, training_labels
from catalog.services.index.image_labels import Labels
from catalog.services.jobs.progress import MEASURING, TRAINING, TRAINING_CODES, Progress, ignore_progress
from catalog.vectors import binary_codes, calibration, supervised_hashing, two_stage, whitening
from catalog.vectors.binary_codes import BinaryEncoder
from catalog.vectors.snapshot import Snapshot
from catalog.vectors.supervised_hashing import LabelledVectors
from catalog.vectors.whitening import Whitening

# Number of queries with which the number of candidates is tuned.
RECALL_QUERIES = 100

Result = TypeVar("Result")


def train(generation: Generation, code_spec: CodeSpec = DEFAULT_CODES, progress: Progress = ignore_progress) -> None:
    """Train on the descriptors in the generation's space, and save the parameters with the generation.

    `training_image_count` is the number of all images, although at most MAX_TRAINING_IMAGES of them are used: it
    must grow with the catalogue, so that `needs_rebuild` can compare.

    Raises:
        SegmentDamaged: a segment cannot be read.
        ImageSearchError: the process that trains the codes was killed.
    """
    progress(TRAINING, 0, 1)
    locations = sampling.descriptor_locations(generation.space)
    vectors = sampling.read_vectors(generation.space, sampling.training_sample(locations))
    fitted_whitening = whitening.fit_whitening(vectors)
    progress(TRAINING, 1, 1)
    encoder, quality = (
        _train_encoder(generation.space, fitted_whitening, code_spec, progress) if fitted_whitening else (None, None)
    )
    fitted_calibration = calibration.calibrate(fitted_whitening.whiten(vectors) if fitted_whitening else vectors)
    with transaction.atomic():
        generation.training_image_count = len(locations)
        generation.whitening = trained_parameters.save_whitening(fitted_whitening) if fitted_whitening else None
        generation.encoder = trained_parameters.save_encoder(encoder) if encoder else None
        generation.code_quality = quality
        generation.calibration = fitted_calibration.as_json() if fitted_calibration else None
        # Unlike `save`, this does not fail if another machine has started a rebuild and deleted this generation.
        Generation.objects.filter(pk=generation.pk).update(
            training_image_count=generation.training_image_count,
            whitening=generation.whitening,
            encoder=generation.encoder,
            code_quality=generation.code_quality,
            calibration=generation.calibration,
        )


def tune_candidates(generation: Generation, snapshot: Snapshot, progress: Progress = ignore_progress) -> None:
    """Measure how many candidates the codes of a generation need, and save the number with the generation.

    Args:
        snapshot: the snapshot of the generation.
    """
    progress(MEASURING, 0, 1)
    if snapshot.encoder:
        locations = sampling.sample(sampling.descriptor_locations(generation.space), RECALL_QUERIES)
        queries = snapshot.whiten(sampling.read_vectors(generation.space, locations))
        generation.candidate_count, generation.recall_at_10 = two_stage.tune_candidate_count(snapshot, queries)
        Generation.objects.filter(pk=generation.pk).update(
            candidate_count=generation.candidate_count, recall_at_10=generation.recall_at_10
        )
    progress(MEASURING, 1, 1)


def needs_rebuild(generation: Generation) -> bool:
    """Return whether the catalogue has changed so much since the training that a new one is worthwhile.

    This is so if it has doubled or halved, or has become large enough for a whitening or a calibration.
    """
    image_count = Descriptor.objects.filter(space=generation.space, image__isnull=False).count()
    trained_on = generation.training_image_count
    if 0 < 2 * image_count <= trained_on:
        return True
    return any(
        trained_on < threshold <= image_count
        for threshold in (calibration.MIN_IMAGES, whitening.MIN_IMAGES, 2 * trained_on)
    )


def _train_encoder(
    space: FeatureSpace, fitted_whitening: Whitening, code_spec: CodeSpec, progress: Progress
) -> tuple[BinaryEncoder, dict[str, object] | None]:
    """Return an encoder and, if it was trained on labels, its quality for `Generation.code_quality`."""
    if code_spec.labels is None:
        bits = code_spec.bits or binary_codes.DEFAULT_BITS
        return binary_codes.random_rotation(len(fitted_whitening.mean), bits), None
    progress(TRAINING_CODES, 0, 1)
    training_set = _training_set(space, fitted_whitening, training_labels(code_spec.labels))
    bits = code_spec.bits or supervised_hashing.DEFAULT_BITS
    encoder, quality = _run_in_subprocess(supervised_hashing.train_encoder, training_set, bits)
    progress(TRAINING_CODES, 1, 1)
    return encoder, {"label_kind": code_spec.labels, **asdict(quality)}


def _training_set(space: FeatureSpace, fitted_whitening: Whitening, labels: Labels) -> LabelledVectors:
    """Return the whitened descriptors of a sample of the labelled images, with their labels numbered from 0."""
    locations = sampling.descriptor_locations(space)
    locations = sampling.training_sample(locations[np.isin(locations[:, 2], labels.images)])
    image_labels = labels.labels[np.searchsorted(labels.images, locations[:, 2])]
    return LabelledVectors(
        fitted_whitening.whiten(sampling.read_vectors(space, locations)),
        np.unique(image_labels, return_inverse=True)[1],
    )


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
