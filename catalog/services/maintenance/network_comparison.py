"""Comparison of the networks at hand on the operator's own pictures: quality, speed and size."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from django.conf import settings

from catalog.exceptions import ImageSearchError, StoreUnavailable, gettext_noop
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.feature_space import Space
from catalog.services.index import networks_at_hand, spaces
from catalog.services.jobs.progress import EXTRACTING, MEASURING, Progress, ignore_progress
from catalog.services.maintenance import network_quality
from catalog.services.maintenance.comparison_samples import (
    ComparisonSample,
    SampleDescriptors,
    check_count,
    choose_sample,
    extract_sample,
    prepare_pictures,
)
from catalog.services.maintenance.network_quality import Competitor, Quality

# The scores of all pairs of a sample are in memory at once.
DEFAULT_SAMPLE, MAX_SAMPLE = 500, 2_000
# Networks are timed in turn on batches of this many images. The first round is not counted.
TIMED_IMAGES, TIMED_ROUNDS = 8, 5
BYTES_PER_COMPONENT = 2  # descriptors are stored as float16

QUALITY_KEYS = (
    "map",
    "map_interval",
    "precision_at_1",
    "precision_at_1_interval",
    "copies_first",
    "copies_interval",
    "copies",
)


@dataclass
class Candidate:
    """A network at hand, and what was found out about it so far.

    Attributes:
        preference: the value of IMAGESEARCH_EXTRACTOR for it.
        name: of the network; the preference if it cannot be opened.
        milliseconds: for one image, the network alone.
        error: why it could not be used.
    """

    preference: str
    name: str = ""
    extractor: Extractor | None = None
    descriptors: SampleDescriptors | None = None
    quality: Quality | None = None
    milliseconds: float | None = None
    error: ImageSearchError | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the entry of the network in the result of the command and of the admin."""
        figures = self.quality.as_json() if self.quality else dict.fromkeys(QUALITY_KEYS)
        dimensions = self.extractor.space.dimensions if self.extractor else None
        return {
            "name": self.name or self.preference,
            **{key: figures[key] for key in QUALITY_KEYS},
            "ms": None if self.milliseconds is None else round(self.milliseconds, 2),
            "bytes_per_row": dimensions and dimensions * BYTES_PER_COMPONENT,
            "error": str(self.error) if self.error else None,
        }


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        image_count: the images that all networks were compared with.
        unreadable: images of the sample whose originals could not be read.
        kind: of the labels, one of `image_labels.LABEL_KINDS`, or None.
        current: the name of the network that the catalogue uses; None for a new catalogue.
        recommended: the name of a network; None if none could be measured.
        reason: why it is recommended.
        switch: how to switch to it; empty if there is none.
    """

    image_count: int
    unreadable: int
    kind: str | None
    candidates: Sequence[Candidate]
    current: str | None
    recommended: str | None
    reason: str
    switch: str
    seconds: float = field(compare=False)

    def as_json(self) -> dict[str, Any]:
        """Return the result as the command prints it and the admin stores it."""
        return {
            "images": self.image_count,
            "labels": self.kind,
            "networks": [candidate.as_json() for candidate in self.candidates],
            "current": self.current,
            "recommended": self.recommended,
            "reason": self.reason,
            "switch": self.switch,
            "unreadable": self.unreadable,
            "seconds": round(self.seconds, 3),
        }


def compare(
    kind: str | None = None, sample_size: int = DEFAULT_SAMPLE, *, progress: Progress = ignore_progress
) -> Comparison:
    """Compare the networks at hand on a sample of the catalogue. A network that fails is listed with its error.

    Descriptors of the sample are all that is kept; pictures are decoded batch by batch, once for each network.

    Args:
        kind: of the labels, one of `image_labels.LABEL_KINDS`; None takes what the catalogue has.
        sample_size: the largest number of images.

    Raises:
        ImageSearchError: there are too few images or labels.
        StoreUnavailable: the media storage is not available.
    """
    started_at = time.monotonic()
    sample = choose_sample(kind, sample_size)
    candidates = [_open(preference) for preference in networks_at_hand.preferences()]
    _extract(candidates, sample, progress)
    measured = [candidate for candidate in candidates if candidate.descriptors]
    readable = _readable_for_all(measured, len(sample.images))
    usable = _without_lone_labels(readable, sample.labels)
    if measured:
        check_count(int(usable.sum()))
        _measure_quality(measured, sample, usable)
        _measure_times(measured, sample.images[usable][:TIMED_IMAGES], progress)
    recommended, reason, switch = _recommend(measured)
    current = spaces.active_space()
    return Comparison(
        image_count=int(usable.sum()),
        unreadable=int((~readable).sum()),
        kind=sample.kind,
        candidates=candidates,
        current=current.extractor if current else None,
        recommended=recommended,
        reason=reason,
        switch=switch,
        seconds=time.monotonic() - started_at,
    )


def _open(preference: str) -> Candidate:
    candidate = Candidate(preference)
    try:
        network = spaces.choose_network(preference, may_convert=True)
        candidate.name = network.name
        candidate.extractor = Extractor.from_network(
            network,
            space_for_network(network),
            runtime=settings.RUNTIME,
            threads=settings.THREADS,
            parallel_pictures=True,
        )
    except ImageSearchError as error:
        candidate.error = error
    return candidate


def _extract(candidates: Sequence[Candidate], sample: ComparisonSample, progress: Progress) -> None:
    usable = [candidate for candidate in candidates if candidate.extractor]
    total = len(usable) * len(sample.images)
    for number, candidate in enumerate(usable):
        report = partial(_report_images, progress, number * len(sample.images), total)
        assert candidate.extractor  # noqa: S101, for the type checker
        try:
            candidate.descriptors = extract_sample(sample, candidate.extractor, report)
        except StoreUnavailable:
            raise
        except ImageSearchError as error:  # the network cannot be loaded
            candidate.error = error


def _report_images(progress: Progress, offset: int, total: int, done: int) -> None:
    progress(EXTRACTING, offset + done, total)


def _readable_for_all(measured: Sequence[Candidate], count: int) -> np.ndarray:
    """Return which images of the sample all candidates could read: bool, n."""
    readable = np.ones(count, bool)
    for candidate in measured:
        if candidate.descriptors:
            readable &= candidate.descriptors.readable
    return readable


def _without_lone_labels(readable: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Return `readable` without images whose label no other readable image has: bool, n."""
    if labels is None:
        return readable
    found, counts = np.unique(labels[readable], return_counts=True)
    return readable & np.isin(labels, found[counts > 1])


def _measure_quality(measured: Sequence[Candidate], sample: ComparisonSample, usable: np.ndarray) -> None:
    """Set the quality of each candidate. `usable`: the images to use, bool, n."""
    kept_copies = usable[sample.copied]
    originals = np.searchsorted(np.flatnonzero(usable), sample.copied[kept_copies])
    labels = None if sample.labels is None else sample.labels[usable]
    for candidate in measured:
        assert candidate.descriptors  # noqa: S101, for the type checker
        candidate.quality = network_quality.measure_quality(
            candidate.descriptors.vectors[usable], labels, candidate.descriptors.copies[kept_copies], originals
        )


def _measure_times(measured: Sequence[Candidate], image_ids: np.ndarray, progress: Progress) -> None:
    """Set the median times of the networks alone, which run in turn: what else the machine does affects all alike."""
    extractors = [candidate.extractor for candidate in measured if candidate.extractor]
    no_copies = np.zeros(len(image_ids), bool)
    batches = [
        [picture for pictures in prepare_pictures(image_ids, extractor, no_copies) for picture in pictures]
        for extractor in extractors
    ]
    times: list[list[float]] = [[] for _ in extractors]
    for finished in range(TIMED_ROUNDS + 1):
        for extractor, batch, durations in zip(extractors, batches, times, strict=True):
            started_at = time.perf_counter()
            extractor.feature_maps(batch)
            durations.append((time.perf_counter() - started_at) * 1000 / max(len(batch), 1))
        progress(MEASURING, finished + 1, TIMED_ROUNDS + 1)
    for candidate, durations in zip(measured, times, strict=True):
        candidate.milliseconds = float(np.median(durations[1:]))


def _recommend(measured: Sequence[Candidate]) -> tuple[str | None, str, str]:
    """Return the name of the network to recommend, why, and how to switch to it."""
    competitors = [
        Competitor(candidate.name, candidate.preference, candidate.quality, candidate.milliseconds)
        for candidate in measured
        if candidate.quality and candidate.milliseconds is not None
    ]
    if not competitors:
        return None, gettext_noop("No network could be measured."), ""
    chosen, reason = network_quality.choose(competitors)
    winner = next(candidate for candidate in measured if candidate.preference == chosen.preference)
    row = spaces.active_space()
    in_use = bool(row and winner.extractor and Space.from_json(row.description) == winner.extractor.space)
    return chosen.name, str(reason), str(network_quality.describe_switch(chosen.preference, in_use=in_use))
