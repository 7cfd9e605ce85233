"""How well the catalogue ranks, by its own labels: each labelled image asks for the others of its label."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from catalog.exceptions import ImageSearchError
from catalog.models import Image
from catalog.services import searching
from catalog.services.labels import Labels
from catalog.services.searching import Query, Results
from catalog.vectors import exact, metrics
from catalog.vectors.exact import Ranking
from catalog.vectors.snapshot import Snapshot

Progress = Callable[[str, int, int], None]

# Of the histograms: cosines in steps of 0.01.
EDGES = np.linspace(-1, 1, 201)


class Answer(NamedTuple):
    """How one query was answered; the share of the ten that exact search finds first, and the seconds of its search."""

    average_precision: float
    precision_at_1: float
    precision_at_10: float
    recall_at_10: float
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """What came of all queries.

    Attributes:
        answers: float64, q × 5: a row for each query, in the order of Answer's fields.
        precision_by_recall: float64, 101: interpolated precision at recalls 0 … 1, mean over the queries.
        alike: int64, 200: how many scores fell between EDGES, of query and image with the same label.
        others: int64, 200: the same of all other pairs.
    """

    answers: np.ndarray
    precision_by_recall: np.ndarray
    alike: np.ndarray
    others: np.ndarray

    def as_json(self) -> dict[str, float | int | list[float]]:
        """Means over the queries; of the three by labels also the interval of 95 % confidence."""
        average, first, tenth, recall, seconds = self.answers.T
        figures = {"map": average, "precision_at_1": first, "precision_at_10": tenth}
        median, slow = np.quantile(seconds * 1000, [0.5, 0.95])
        return {
            **{name: round(float(values.mean()), 4) for name, values in figures.items()},
            "recall_vs_exact_at_10": round(float(recall.mean()), 4),
            "queries": len(self.answers),
            "p50_ms": round(float(median), 2),
            "p95_ms": round(float(slow), 2),
            **{
                f"{name}_interval": [round(end, 4) for end in metrics.bootstrap_interval(values)]
                for name, values in figures.items()
            },
        }


def evaluate(
    labels: str = "collection",
    queries: int | None = None,
    *,
    expand: int = 0,
    progress: Progress = lambda phase, done, total: None,
) -> Evaluation:
    """Rank all other images for each labelled one, by its stored descriptor, as every search ranks them.

    An image is relevant that is in the same collection, or carries one of the same tags. Images without another of
    their label ask nothing; images without a label are ranked with the others and are never relevant. Memory grows
    with the images, not with their pairs.

    Args:
        labels: one of `labels.KINDS`.
        queries: so many of the queries, the same for the same catalogue; None: all.
        expand: as `searching.search` takes it.

    Raises:
        ImageSearchError: the labels say too little.
        SegmentDamaged: the descriptor of a query cannot be read.
        IndexUnavailable, CatalogueBusy: as `searching.search`.
    """
    truth = _truth(labels)
    asking = truth.shared()
    if queries is not None and queries < len(asking):
        asking = np.sort(np.random.default_rng(0).choice(asking, queries, replace=False))
    answers: list[Answer] = []
    curve, alike, others = np.zeros(101), np.zeros(len(EDGES) - 1, np.int64), np.zeros(len(EDGES) - 1, np.int64)
    for image, query in _described(asking, progress):
        snapshot = searching.snapshot_for(query)
        sought = searching.as_compared(query, snapshot)
        if expand:
            sought = searching.expanded(sought, snapshot, expand, without=image.pk)
        ranking = _whole_ranking(sought, image, snapshot)
        relevant = np.isin(ranking.image_ids, truth.relevant_to(image.pk))
        if not relevant.any():  # the others were deleted meanwhile
            continue
        found = searching.search(query, without=image.pk, expand=expand)
        answers.append(_answer(found, exact.rank(snapshot, sought, top=11), image, relevant))
        curve += metrics.precision_by_recall(relevant)
        scores = ranking.scores.clip(-1, 1)  # a cosine of 1 may come out a little above it
        alike += np.histogram(scores[relevant], EDGES)[0]
        others += np.histogram(scores[~relevant], EDGES)[0]
    if not answers:
        raise _too_little(labels, "no two searchable images have the same one")
    return Evaluation(np.array(answers), curve / len(answers), alike, others)


def _truth(kind: str) -> Labels:
    """Raises ImageSearchError: there are not two labels."""
    truth = Labels.of(kind)
    if not len(truth.images):
        raise _too_little(kind, "no searchable image has one")
    if len(np.unique(truth.labels)) == 1:
        raise _too_little(kind, "all searchable images that have one have the same")
    return truth


def _described(image_ids: np.ndarray, progress: Progress) -> Iterator[tuple[Image, Query]]:
    """The images and their stored descriptors, without those that were deleted meanwhile."""
    progress("evaluating", 0, len(image_ids))
    for done, image_id in enumerate(image_ids.tolist(), 1):
        image = Image(pk=image_id)
        if query := searching.descriptor_of(image):
            yield image, query
        progress("evaluating", done, len(image_ids))


def _whole_ranking(sought: np.ndarray, image: Image, snapshot: Snapshot) -> Ranking:
    ranking = searching.rank(sought, snapshot, top=sum(len(part.segment) for part in snapshot.segments))
    kept = ranking.image_ids != image.pk
    return Ranking(ranking.image_ids[kept], ranking.scores[kept], ranking.total - 1)


def _answer(found: Results, exactly: Ranking, image: Image, relevant: np.ndarray) -> Answer:
    ids = [hit.image.pk for hit in found.hits[:10]]
    best = exactly.image_ids[exactly.image_ids != image.pk][:10]
    return Answer(
        float(metrics.average_precision(relevant)),
        float(metrics.precision_at(relevant, 1)),
        float(metrics.precision_at(relevant, 10)),
        float(np.isin(best, ids).mean()),
        found.seconds,
    )


def _too_little(kind: str, why: str) -> ImageSearchError:
    return ImageSearchError(
        "The {kind}s of this catalogue say too little to evaluate it by: {why}. "
        "Evaluation takes two {kind}s or more, one of them with two searchable images or more.",
        kind=kind,
        why=why,
    )
