"""Evaluation of the ranking by the labels of the catalogue: each labelled image is a query for others of its label."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from catalog.exceptions import ImageSearchError
from catalog.models import Image
from catalog.services.index.training.image_labels import Labels
from catalog.services.jobs.progress import Progress, ignore_progress
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.ranking import Results
from catalog.vectors import exact, metrics
from catalog.vectors.exact import Ranking

# Histograms count cosines in steps of 0.01.
SCORE_BIN_EDGES = np.linspace(-1, 1, 201)


class QueryMetrics(NamedTuple):
    """The metrics of one query. `recall_at_10` is relative to exact search; `seconds` is the time of the search."""

    average_precision: float
    precision_at_1: float
    precision_at_10: float
    recall_at_10: float
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """The results of all queries.

    Attributes:
        query_metrics: float64, q × 5: a row for each query, with the fields of `QueryMetrics`.
        precision_by_recall: float64, 101: interpolated precision at recalls 0 … 1, mean over the queries.
        same_label_counts: int64, 200: histogram of the scores of pairs with the same label, see SCORE_BIN_EDGES.
        other_pair_counts: int64, 200: histogram of the scores of all other pairs.
    """

    query_metrics: np.ndarray
    precision_by_recall: np.ndarray
    same_label_counts: np.ndarray
    other_pair_counts: np.ndarray

    def as_json(self) -> dict[str, float | int | list[float]]:
        """Means over the queries, with 95 % confidence intervals for the three metrics that depend on labels."""
        average_precision, precision_at_1, precision_at_10, recall, seconds = self.query_metrics.T
        label_metrics = {"map": average_precision, "precision_at_1": precision_at_1, "precision_at_10": precision_at_10}
        p50, p95 = np.quantile(seconds * 1000, [0.5, 0.95])
        return {
            **{name: round(float(values.mean()), 4) for name, values in label_metrics.items()},
            "recall_vs_exact_at_10": round(float(recall.mean()), 4),
            "queries": len(self.query_metrics),
            "p50_ms": round(float(p50), 2),
            "p95_ms": round(float(p95), 2),
            **{
                f"{name}_interval": [round(bound, 4) for bound in metrics.bootstrap_interval(values)]
                for name, values in label_metrics.items()
            },
        }


def evaluate(
    labels: str = "collection",
    max_queries: int | None = None,
    *,
    expand: int = 0,
    progress: Progress = ignore_progress,
) -> Evaluation:
    """Rank all other images for each labelled image, by its stored descriptor, as a search does.

    An image is relevant if it is in the same collection, or has one of the same tags. Images that share their label
    with no other image are not queries. Images without a label are ranked and never relevant. The ranking is that of
    exact search; `recall_at_10` tells how many of its ten best hits a search finds. Memory grows with the number of
    images, not with the number of pairs.

    Args:
        labels: one of `image_labels.LABEL_KINDS`.
        max_queries: use a random sample of this many queries, the same for the same catalogue; None for all.
        expand: number of images for query expansion, as `SearchOptions.expansion`.

    Raises:
        ImageSearchError: there are too few labels.
        SegmentDamaged: the descriptor of a query cannot be read.
        IndexUnavailable, CatalogueBusy: as `ranking.search`.
    """
    ground_truth = _load_labels(labels)
    query_ids = ground_truth.images_with_shared_label()
    if max_queries is not None and max_queries < len(query_ids):
        query_ids = np.sort(np.random.default_rng(0).choice(query_ids, max_queries, replace=False))
    totals = _Totals()
    for image, query in _iter_queries(query_ids, progress):
        totals.add(query, image, ground_truth.relevant_to(image.pk), expand)
    if not totals.query_metrics:
        raise _insufficient_labels_error(labels, "no label is shared by two searchable images")
    return totals.evaluation()


class _Totals:
    """Sums over the queries evaluated so far."""

    def __init__(self) -> None:
        self.query_metrics: list[QueryMetrics] = []
        self._precision_sum = np.zeros(101)
        self._same_label_counts = np.zeros(len(SCORE_BIN_EDGES) - 1, np.int64)
        self._other_pair_counts = np.zeros(len(SCORE_BIN_EDGES) - 1, np.int64)

    def add(self, query: Query, image: Image, relevant_ids: np.ndarray, expand: int) -> None:
        """Evaluate one query. It is skipped if its relevant images have been deleted in the meantime."""
        snapshot = ranking.snapshot_for(query)
        options = SearchOptions(exclude_id=image.pk, expansion=expand)
        refined = ranking.refine_query(query, snapshot, options)
        full_ranking = exact.rank(snapshot, refined, limit=len(snapshot.row_index)).without(image.pk)
        relevant = np.isin(full_ranking.image_ids, relevant_ids)
        if not relevant.any():
            return
        results = ranking.search(query, options)
        self.query_metrics.append(_measure_query(results, full_ranking, relevant))
        self._precision_sum += metrics.interpolated_precision(relevant)
        scores = full_ranking.scores.clip(-1, 1)  # rounding can give a cosine slightly above 1
        self._same_label_counts += np.histogram(scores[relevant], SCORE_BIN_EDGES)[0]
        self._other_pair_counts += np.histogram(scores[~relevant], SCORE_BIN_EDGES)[0]

    def evaluation(self) -> Evaluation:
        return Evaluation(
            np.array(self.query_metrics),
            self._precision_sum / len(self.query_metrics),
            self._same_label_counts,
            self._other_pair_counts,
        )


def _load_labels(kind: str) -> Labels:
    """Load the labels. Raises ImageSearchError if there are fewer than two different ones."""
    ground_truth = Labels.load(kind)
    if not len(ground_truth.images):
        raise _insufficient_labels_error(kind, "no searchable image has a label")
    if len(np.unique(ground_truth.labels)) == 1:
        raise _insufficient_labels_error(kind, "all labelled images have the same label")
    return ground_truth


def _iter_queries(image_ids: np.ndarray, progress: Progress) -> Iterator[tuple[Image, Query]]:
    """The images and their stored descriptors, without images deleted in the meantime."""
    progress("evaluating", 0, len(image_ids))
    for done, image_id in enumerate(image_ids.tolist(), 1):
        image = Image(pk=image_id)
        if query := queries.image_query(image):
            yield image, query
        progress("evaluating", done, len(image_ids))


def _measure_query(results: Results, full_ranking: Ranking, relevant: np.ndarray) -> QueryMetrics:
    result_ids = [hit.image.pk for hit in results.hits[:10]]
    exact_ids = full_ranking.image_ids[:10]
    return QueryMetrics(
        float(metrics.average_precision(relevant)),
        float(metrics.precision_at(relevant, 1)),
        float(metrics.precision_at(relevant, 10)),
        float(np.isin(exact_ids, result_ids).mean()),
        results.seconds,
    )


def _insufficient_labels_error(kind: str, reason: str) -> ImageSearchError:
    return ImageSearchError(
        "There are too few {kind}s to evaluate this catalogue: {reason}. "
        "Evaluation needs at least two {kind}s, one of them with at least two searchable images.",
        kind=kind,
        reason=reason,
    )
