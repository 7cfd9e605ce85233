"""The most similar images of an image, from the neighbour graph: no search is needed."""

import time

import numpy as np

from catalog.models import Image
from catalog.services.index import spaces
from catalog.services.index.live_index import synced_view
from catalog.services.search import ranking
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query, image_query
from catalog.services.search.ranking import QueryRanking, Results
from catalog.vectors import exact
from catalog.vectors.neighbours import augmentation
from catalog.vectors.neighbours.lists import LIST_LENGTH
from catalog.vectors.snapshot import Snapshot


def find_neighbours(image: Image) -> Results | None:
    """Return the up to LIST_LENGTH most similar images; None if the image is not searchable.

    They are scored like the hits of a search. If their list is not made yet, a search finds them.

    Raises:
        SegmentDamaged, IndexUnavailable, CatalogueBusy: as `ranking.search_similar`.
    """
    started_at = time.perf_counter()
    query = image_query(image)
    if query is None:
        return None
    generation = spaces.serving_generation(query.space)
    view = synced_view(generation) if generation else None
    rows = linked_rows(view.snapshot, image.pk) if view else np.empty(0, np.int64)
    if generation is None or view is None or not len(rows):
        return ranking.search(query, SearchOptions(limit=LIST_LENGTH, exclude_id=image.pk))
    found = QueryRanking(
        _rank_linked(query, view.snapshot, rows, image.pk),
        ranking.calibration_for(query.space),
        query.space,
        view.damaged,
        started_at,
    )
    return found.results(start=0, limit=LIST_LENGTH)


def linked_rows(snapshot: Snapshot, image_id: int) -> np.ndarray:
    """Return the rows of an image's neighbours in `Snapshot.row_index`, in ascending order: int64, n."""
    row = snapshot.row_index.rows_of(np.array([image_id]))
    if row[0] < 0 or not snapshot.has_neighbours:
        return np.empty(0, np.int64)
    ids = snapshot.neighbours_of(row.astype(np.int64)).image_ids[0]
    rows = snapshot.row_index.rows_of(ids[ids > 0])
    return np.sort(rows[rows >= 0]).astype(np.int64)


def _rank_linked(query: Query, snapshot: Snapshot, rows: np.ndarray, image_id: int) -> exact.Ranking:
    query_vector = ranking.projected_query(query, snapshot)
    expanded = augmentation.expand_query(snapshot, query_vector, rows, exclude_id=image_id)
    return exact.rank_rows(snapshot, expanded, rows, limit=LIST_LENGTH, total=len(rows))
