"""Search: ranks the images of the catalogue by their similarity to a query."""

import time
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from catalog.exceptions import NoIndexedImages
from catalog.models import FeatureSpace, Generation, Image
from catalog.services.index import spaces
from catalog.services.index.live_index import IndexView, engine, synced_view
from catalog.services.index.training.trained_parameters import calibration_of
from catalog.services.monitoring import process_metrics
from catalog.services.search import feedback
from catalog.services.search.options import DEFAULT_OPTIONS, SearchOptions
from catalog.services.search.queries import NOTHING_INDEXED_MESSAGE, Query, image_query
from catalog.similarity_labels import similarity_label
from catalog.vectors import exact
from catalog.vectors.calibration import Calibration, SimilarityLevel
from catalog.vectors.exact import Ranking
from catalog.vectors.neighbours.augmentation import ExpandedQuery
from catalog.vectors.snapshot import Snapshot


@dataclass(frozen=True)
class Hit:
    """One search result.

    Attributes:
        rank: from 1; 0 where a single image is compared.
        score: in [-1, 1], see `neighbours.augmentation`. The same picture scores 1.
        similarity_level: the level of the score in this catalogue; None where the catalogue is too small to be
            calibrated, or where expansion or feedback changed the query.
        near_duplicates: further hits that show the same picture, if they are grouped. See `near_duplicates`.
    """

    rank: int
    score: float
    image: Image
    similarity_level: SimilarityLevel | None = None
    near_duplicates: "tuple[Hit, ...]" = ()

    @property
    def similarity_label(self) -> str:
        """The name of the level in the active language; empty without a level."""
        return similarity_label(self.similarity_level) if self.similarity_level else ""


@dataclass(frozen=True)
class Results:
    """Consecutive hits of a ranking.

    Attributes:
        hits: best first.
        total: how many images were ranked: those that pass the filters and the minimum score.
        seconds: how long the search took.
        space: the feature space of the scores.
        damaged: the names of segments that cannot be read, so that their images were not searched.
        only_weak_matches: whether even the best image of the ranking has the level `SimilarityLevel.WEAK`.
    """

    hits: list[Hit]
    total: int
    seconds: float
    space: FeatureSpace
    damaged: list[str] = field(default_factory=list)
    only_weak_matches: bool = False


@dataclass(frozen=True)
class SimilarCount:
    """How many images are similar to a query: more than a weak match.

    Attributes:
        is_complete: whether there are no more. Where codes select the images that are compared, some may be missing.
    """

    number: int
    is_complete: bool


@dataclass(frozen=True)
class QueryRanking:
    """The ranking of a query, of which any part can be loaded as results.

    Attributes:
        ranking: the ids and scores of the best images, `start` + `limit` of the search's options at most.
        calibration: gives scores their levels; None where they have none.
        started_at: `time.perf_counter()` at the start of the search.
    """

    ranking: Ranking
    calibration: Calibration | None
    space: FeatureSpace
    damaged: list[str]
    started_at: float

    @property
    def total(self) -> int:
        return self.ranking.total

    def results(self, *, start: int, limit: int) -> Results:
        """Load the images of the ranks `start` + 1 to `start` + `limit`."""
        hits = self._load_hits(start, limit)
        seconds = time.perf_counter() - self.started_at
        return Results(hits, self.total, seconds, self.space, self.damaged, self._has_only_weak_matches())

    def count_similar(self) -> SimilarCount | None:
        """Return how many of all images are similar, as far as they were compared; None where scores have no levels."""
        if self.calibration is None:
            return None
        compared = self.ranking.compared_scores
        number = int((compared >= np.float64(self.calibration.min_score(SimilarityLevel.SIMILAR))).sum())
        return SimilarCount(number, len(compared) >= self.total or number < len(compared) // 2)

    def section_levels(self) -> list[SimilarityLevel]:
        """Return for each rank its level, or that of a better rank if that is lower; nothing where there are none."""
        if self.calibration is None:
            return []
        order = list(SimilarityLevel)
        pairs = zip(self.ranking.scores.tolist(), self.ranking.similarities.tolist(), strict=True)
        positions = (order.index(self.calibration.level(*pair)) for pair in pairs)
        return [order[position] for position in accumulate(positions, max)]

    def _load_hits(self, start: int, limit: int) -> list[Hit]:
        """Load hits with their images; images that were deleted meanwhile are left out."""
        part = slice(start, start + limit)
        ids, scores, similarities = (
            array[part].tolist() for array in (self.ranking.image_ids, self.ranking.scores, self.ranking.similarities)
        )
        images = Image.objects.for_tiles().in_bulk(ids)
        return [
            Hit(rank, min(score, 1.0), images[pk], _level(score, similarity, self.calibration))
            for rank, (pk, score, similarity) in enumerate(zip(ids, scores, similarities, strict=True), start + 1)
            if pk in images
        ]

    def _has_only_weak_matches(self) -> bool:
        if not len(self.ranking.scores):
            return False
        best = float(self.ranking.scores[0]), float(self.ranking.similarities[0])
        return _level(*best, self.calibration) is SimilarityLevel.WEAK


def search(query: Query, options: SearchOptions = DEFAULT_OPTIONS) -> Results:
    """Rank the catalogue by similarity to a query, and return `options.limit` hits after the first `options.start`.

    Raises:
        NoIndexedImages: no image is searchable yet.
        IndexUnavailable: the vector server does not respond.
        CatalogueBusy: the vector server is being filled.
    """
    return rank_query(query, options).results(start=options.start, limit=options.limit)


def rank_query(query: Query, options: SearchOptions) -> QueryRanking:
    """Rank the catalogue by similarity to a query, without loading the images. Raises as `search`."""
    started_at = time.perf_counter()
    with process_metrics.count_failed_search(), process_metrics.time_stage("rank"):
        generation = _require_serving_generation(query.space)
        view = synced_view(generation)
        if not view.snapshot.segments and not view.damaged:
            raise NoIndexedImages(NOTHING_INDEXED_MESSAGE)
        ranking = _rank_view(query, view, options)
    process_metrics.count_search(process_metrics.ANSWERED)
    refined = bool(options.expansion or options.feedback)
    return QueryRanking(ranking, None if refined else calibration_of(generation), query.space, view.damaged, started_at)


def search_similar(image: Image, options: SearchOptions = DEFAULT_OPTIONS) -> Results | None:
    """Search with an image of the catalogue, which is left out of the results; return None if it is not searchable.

    Raises as `search` and `queries.image_query`.
    """
    query = image_query(image)
    return None if query is None else search(query, replace(options, exclude_id=image.pk))


def compare(query: Query, image: Image) -> Hit | None:
    """Return one image as a hit with rank 0, or None if it is not searchable. Raises as `search`."""
    generation = _require_serving_generation(query.space)
    snapshot = synced_view(generation).snapshot
    only = np.array([image.pk])
    ranking = exact.rank(snapshot, refine_query(query, snapshot, DEFAULT_OPTIONS), limit=1, allowed_ids=only)
    if not len(ranking.scores):
        return None
    score, similarity = float(ranking.scores[0]), float(ranking.similarities[0])
    return Hit(0, min(score, 1.0), image, _level(score, similarity, calibration_of(generation)))


def snapshot_for(query: Query) -> Snapshot:
    """Return what a search with this query ranks at this moment. Raises as `search`."""
    return synced_view(_require_serving_generation(query.space)).snapshot


def projected_query(query: Query, snapshot: Snapshot) -> np.ndarray:
    """Return the query vector as the snapshot compares it: float32, k, of unit length."""
    return snapshot.project(query.vector[np.newaxis])[0]


def refine_query(query: Query, snapshot: Snapshot, options: SearchOptions) -> ExpandedQuery:
    """Return the query that a search with these options ranks by. Raises IndexUnavailable."""
    query_vector = projected_query(query, snapshot)
    if options.feedback:
        query_vector = feedback.rocchio(query_vector, options.feedback, snapshot)
    limit = options.start + options.limit + 1
    expanded = engine().expand_query(snapshot, query_vector, exclude_id=options.exclude_id, limit=limit)
    if not options.expansion:
        return expanded
    ranking = engine().rank(snapshot, expanded, limit=options.expansion + 1, allowed_ids=options.filters.image_ids())
    best_ids = ranking.image_ids[ranking.image_ids != options.exclude_id][: options.expansion]
    vectors = snapshot.project(snapshot.vectors_of(best_ids))
    query_vector = feedback.expand_query(query_vector, vectors) if len(vectors) else query_vector
    return engine().expand_query(snapshot, query_vector, exclude_id=options.exclude_id, limit=limit)


def calibration_for(space: FeatureSpace) -> Calibration | None:
    """Return the calibration of the scores in `space`; None if there is none."""
    generation = spaces.serving_generation(space)
    return calibration_of(generation) if generation else None


def _rank_view(query: Query, view: IndexView, options: SearchOptions) -> Ranking:
    """Rank the first `start` + `limit` images with the query that the options refine."""
    snapshot, exclude_id, limit = view.snapshot, options.exclude_id, options.start + options.limit
    allowed_ids = options.filters.image_ids()
    refined = refine_query(query, snapshot, options)
    if options.min_score is not None:
        # Every row is compared: codes do not tell how many images reach a score.
        return exact.rank_above(
            snapshot,
            refined,
            min_score=options.min_score,
            limit=limit,
            allowed_ids=allowed_ids,
            exclude_image=exclude_id,
        )
    # One more than asked for, since the excluded image may be among them.
    rank = exact.rank if options.exact else engine().rank
    ranking = rank(snapshot, refined, limit=limit + 1, allowed_ids=allowed_ids)
    if exclude_id is None or (allowed_ids is not None and exclude_id not in allowed_ids):
        return ranking
    return ranking.without(exclude_id)


def _require_serving_generation(space: FeatureSpace) -> Generation:
    generation = spaces.serving_generation(space)
    if generation is None:
        raise NoIndexedImages(NOTHING_INDEXED_MESSAGE)
    return generation


def _level(score: float, similarity: float, calibration: Calibration | None) -> SimilarityLevel | None:
    return calibration.level(score, similarity) if calibration else None
