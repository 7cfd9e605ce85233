"""Speed of search in one store: `python -m benchmarks.search_store ROWS DIMS [FOLDER]`. Called by `benchmarks.search`.

Fills the empty catalogue at IMAGESEARCH_DATA_DIR with ROWS images, rebuilds its index as `rebuild_index` does, and
times searches with all methods in turn. The last line is one JSON object.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import django
import faiss
import numpy as np

from benchmarks import synthetic_descriptors, timing
from benchmarks.synthetic_descriptors import DescriptorSampler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
django.setup()

from benchmarks import synthetic_store  # noqa: E402, needs Django
from catalog.models import Collection, FeatureSpace  # noqa: E402, needs Django
from catalog.services.index import spaces  # noqa: E402, needs Django
from catalog.services.index.live_index import INDEX  # noqa: E402, needs Django
from catalog.services.search.filters import Filters  # noqa: E402, needs Django
from catalog.vectors import exact, two_stage  # noqa: E402, needs Django
from catalog.vectors.neighbours import augmentation  # noqa: E402, needs Django
from catalog.vectors.snapshot import Snapshot  # noqa: E402, needs Django

TOP_K = 10
QUERY_COUNT = 50
ROUNDS = 3
APPENDED_IMAGES = 9
# An HNSW graph of more rows takes longer to build than everything else together.
MAX_HNSW_ROWS = 200_000
# Maximum size of the copy of all vectors that each baseline keeps in memory.
MAX_COPY_BYTES = 6 * 2**30
CANDIDATE_COUNTS = (30, 100, 300, 1000, 3000, 10_000)

SearchFunction = Callable[[np.ndarray], np.ndarray]


def main(rows: int, dimensions: int, folder: Path | None) -> None:
    rng = np.random.default_rng(0)
    source = DescriptorSampler.fit(synthetic_descriptors.extract_descriptors(folder, dimensions))
    figures: dict[str, Any] = {"rows": rows, "dims": dimensions, **synthetic_store.fill_store(source, rows, rng)}
    with get_context("spawn").Pool(1) as process:
        figures |= process.apply(measure_opening)
    figures["disk_bytes_per_row"] = round(synthetic_store.disk_bytes() / rows, 1)
    figures |= compare(source.sample(QUERY_COUNT, rng))
    figures["append_to_searchable_seconds"] = round(measure_appending(source.sample(APPENDED_IMAGES, rng)), 4)
    print(json.dumps(figures))


def measure_opening() -> dict[str, float]:
    """Measure the time to open the index and answer the first query, and the memory used. Needs a new process."""
    before, started_at = resident_bytes(), time.perf_counter()
    snapshot = current_snapshot()
    search(snapshot, snapshot.project(snapshot.segments[0].segment.vectors[:1])[0])
    seconds = time.perf_counter() - started_at
    bytes_per_row = (resident_bytes() - before) / snapshot.count_rows(snapshot.allowed_rows(None))
    return {"open_seconds": round(seconds, 3), "resident_bytes_per_row": round(bytes_per_row, 1)}


def search(snapshot: Snapshot, query_vector: np.ndarray, allowed_ids: np.ndarray | None = None) -> np.ndarray:
    """Search in two stages, as the program does, and return the ids of the best ten images."""
    query = two_stage.expand_query(snapshot, query_vector)
    return two_stage.rank(snapshot, query, limit=TOP_K, allowed_ids=allowed_ids).image_ids


def search_exactly(snapshot: Snapshot, query_vector: np.ndarray) -> np.ndarray:
    """Score all rows with their neighbours, and return the ids of the best ten images."""
    rows = snapshot.number_rows(snapshot.allowed_rows(None))
    query = augmentation.expand_query(snapshot, query_vector, rows)
    return exact.rank_rows(snapshot, query, rows, limit=TOP_K, total=len(rows)).image_ids


def resident_bytes() -> int:
    """Return the anonymous memory of this process, which excludes memory-mapped files: RssAnon of proc(5)."""
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) * 1024


def current_snapshot() -> Snapshot:
    """Return the snapshot of the active generation."""
    generation = spaces.active_generation()
    assert generation is not None  # noqa: S101, the store has been filled
    return INDEX.view(generation).snapshot


def compare(vectors: np.ndarray) -> dict[str, Any]:
    """Time queries with the baselines and the methods of this program, in milliseconds, and measure their recall."""
    snapshot = current_snapshot()
    without_neighbours = replace(snapshot, augmented=False)
    queries = snapshot.project(vectors)
    filters = Filters(collection=Collection.objects.get(name=synthetic_store.SELECTED_COLLECTION))
    passing = filters.image_ids()
    assert passing is not None  # noqa: S101, the filter is not empty
    baseline_methods, figures = baselines(snapshot)
    own_methods: dict[str, SearchFunction] = {
        "exact": lambda query_vector: search_exactly(snapshot, query_vector),
        "two_stage": lambda query_vector: search(snapshot, query_vector),
        "two_stage_plain": lambda query_vector: search(without_neighbours, query_vector),
        "filtered": lambda query_vector: search(snapshot, query_vector, passing),
        "ids": lambda query_vector: filters.images().ids(),
    }
    methods = baseline_methods | own_methods
    medians = timing.time_each(methods, queries, rounds=ROUNDS)
    figures |= {f"{name}_ms": milliseconds for name, milliseconds in medians.items()}
    expected = [own_methods["exact"](query_vector) for query_vector in queries]
    figures["two_stage_recall"] = recall(expected, [own_methods["two_stage"](query) for query in queries])
    if "hnsw" in methods:  # which knows no neighbours
        plain = [methods["exact_numpy"](query_vector) for query_vector in queries]
        figures["hnsw_recall"] = recall(plain, [methods["hnsw"](query_vector) for query_vector in queries])
    check_filtered(snapshot, queries[0], passing)
    figures["candidates"] = snapshot.candidates
    figures["curve"] = [
        measure_candidates(replace(snapshot, candidates=count), queries, expected) for count in CANDIDATE_COUNTS
    ]
    return figures


def baselines(snapshot: Snapshot) -> tuple[dict[str, SearchFunction], dict[str, Any]]:
    """Return the baselines that fit into memory, and the costs of building them. The id of row i is i + 1."""
    segment_vectors = [live_segment.segment.vectors for live_segment in snapshot.segments]
    rows = sum(map(len, segment_vectors))
    if rows * segment_vectors[0].shape[1] * 4 > MAX_COPY_BYTES:
        return {}, {}
    matrix = np.concatenate([snapshot.project(vectors) for vectors in segment_vectors])
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    methods: dict[str, SearchFunction] = {
        "exact_numpy": lambda query_vector: search_numpy(matrix, query_vector),
        "faiss_flat": lambda query_vector: search_faiss(flat, query_vector),
    }
    if rows > MAX_HNSW_ROWS:
        return methods, {}
    graph = faiss.IndexHNSWFlat(matrix.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efSearch = 128
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    before, started_at = resident_bytes(), time.perf_counter()
    graph.add(matrix)
    methods["hnsw"] = lambda query_vector: search_faiss(graph, query_vector)
    seconds, bytes_per_row = time.perf_counter() - started_at, (resident_bytes() - before) / rows
    return methods, {"hnsw_build_seconds": round(seconds, 1), "hnsw_bytes_per_row": round(bytes_per_row)}


def search_numpy(matrix: np.ndarray, query_vector: np.ndarray) -> np.ndarray:
    """Exact search with NumPy: all products, then the best ten."""
    scores = matrix @ query_vector
    best = np.argpartition(scores, -TOP_K)[-TOP_K:]
    return best[np.argsort(-scores[best])] + 1


def search_faiss(index: faiss.Index, query_vector: np.ndarray) -> np.ndarray:
    """Search a FAISS index with all CPU cores."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    return index.search(query_vector[np.newaxis], TOP_K)[1][0] + 1


def recall(expected: list[np.ndarray], results: list[np.ndarray]) -> float:
    """Return the mean share of the best hits that were found."""
    return float(np.mean([np.isin(best, ids).mean() for best, ids in zip(expected, results, strict=True)]))


def measure_candidates(snapshot: Snapshot, queries: np.ndarray, expected: list[np.ndarray]) -> dict[str, float]:
    """Measure the time and the recall of searches with this snapshot's number of candidates."""
    results = [search(snapshot, query_vector) for query_vector in queries]
    medians = timing.time_each({"search": lambda query_vector: search(snapshot, query_vector)}, queries, rounds=1)
    return {"candidates": snapshot.candidates or 0, "ms": medians["search"], "recall": recall(expected, results)}


def check_filtered(snapshot: Snapshot, query_vector: np.ndarray, allowed: np.ndarray) -> None:
    """Check that a filtered search returns exactly the allowed images and the correct total."""
    query = two_stage.expand_query(snapshot, query_vector)
    ranking = two_stage.rank(snapshot, query, limit=len(allowed), allowed_ids=allowed)
    if ranking.total != len(allowed) or not np.array_equal(np.sort(ranking.image_ids), np.sort(allowed)):
        raise SystemExit(f"The filter selects {len(allowed)} images, but the search ranked {ranking.total}.")


def measure_appending(vectors: np.ndarray) -> float:
    """Return the median time in seconds from committing a new image to the end of the first search that finds it."""
    space = FeatureSpace.objects.get()
    times = []
    for vector in vectors:
        [new] = synthetic_store.append_segment(space, vector[np.newaxis], [None])
        started_at = time.perf_counter()
        snapshot = current_snapshot()
        found = search(snapshot, snapshot.project(vector[np.newaxis])[0])
        times.append(time.perf_counter() - started_at)
        if found[0] != new.pk:
            raise SystemExit(f"Image {new.pk} was committed, but a search did not find it.")
    return median(times)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
