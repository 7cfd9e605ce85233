"""One store, searched: `python -m benchmarks.searching ROWS DIMS [FOLDER]`. Called by `benchmarks.search`.

Fills the empty catalogue at IMAGESEARCH_DATA_DIR with ROWS images, rebuilds its index as `rebuild_index` does, and
times searches in turn. The last line is one JSON object.
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

from benchmarks import realistic, timing
from benchmarks.realistic import Source

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
django.setup()

from benchmarks import filled_store  # noqa: E402
from catalog.models import Collection, FeatureSpace  # noqa: E402
from catalog.services import spaces  # noqa: E402
from catalog.services.filters import Filters  # noqa: E402
from catalog.services.live_index import INDEX  # noqa: E402
from catalog.vectors import exact, two_stage  # noqa: E402
from catalog.vectors.snapshot import Snapshot  # noqa: E402

TOP = 10
QUERIES = 50
ROUNDS = 3
APPENDED = 9
# A graph of more rows than this takes longer to build than everything else together.
HNSW_UP_TO = 200_000
# Bytes of rows that what we are compared with may hold a copy of in memory, each.
COPIED_UP_TO = 6 * 2**30
CURVE = (30, 100, 300, 1000, 3000, 10_000)

Way = Callable[[np.ndarray], np.ndarray]


def main(rows: int, dimensions: int, folder: Path | None) -> None:
    chance = np.random.default_rng(0)
    source = Source.of(realistic.described(folder, dimensions))
    filled_store.fill(source, rows, chance)
    figures: dict[str, Any] = {"rows": rows, "dims": dimensions}
    with get_context("spawn").Pool(1) as process:
        figures |= process.apply(opened)
    figures["disk_bytes_per_row"] = round(filled_store.disk_bytes() / rows, 1)
    figures |= compared(source.draw(QUERIES, chance))
    figures["append_to_searchable_seconds"] = round(appended(source.draw(APPENDED, chance)), 4)
    print(json.dumps(figures))


def opened() -> dict[str, float]:
    """In a process of its own: from nothing opened to the first answer, and what then stays in memory."""
    before, began = resident_bytes(), time.perf_counter()
    now = snapshot()
    two_stage.rank(now, now.whitened(np.array(now.segments[0].segment.vectors[:1]))[0], top=TOP)
    seconds = time.perf_counter() - began
    kept = (resident_bytes() - before) / exact.count(now, now.allowed_rows(None))
    return {"open_seconds": round(seconds, 3), "resident_bytes_per_row": round(kept, 1)}


def resident_bytes() -> int:
    """Memory of this process beyond the page cache, from proc(5)."""
    return int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]) * 1024


def snapshot() -> Snapshot:
    """What a search would rank now."""
    generation = spaces.active()
    assert generation is not None  # noqa: S101
    return INDEX.view(generation).snapshot


def compared(drawn: np.ndarray) -> dict[str, Any]:
    """Medians of a query: what anyone would do with the whitened rows in memory, and what this program does."""
    now = snapshot()
    queries = now.whitened(drawn)
    filters = Filters(collection=Collection.objects.get(name=filled_store.SELECTED))
    passing = filters.image_ids()
    assert passing is not None  # noqa: S101
    theirs, figures = baselines(now)
    ours: dict[str, Way] = {
        "exact": lambda sought: exact.rank(now, sought, top=TOP).image_ids,
        "two_stage": lambda sought: two_stage.rank(now, sought, top=TOP).image_ids,
        "filtered": lambda sought: two_stage.rank(now, sought, top=TOP, allowed=passing).image_ids,
        "ids": lambda sought: filters.images().ids(),
    }
    medians = timing.of_each(theirs | ours, queries, rounds=ROUNDS)
    figures |= {f"{name}_ms": took for name, took in medians.items()}
    best = [ours["exact"](sought) for sought in queries]
    for name in {"hnsw", "two_stage"} & medians.keys():
        way = (theirs | ours)[name]
        figures[f"{name}_recall"] = recall(best, [way(sought) for sought in queries])
    check_filtered(now, queries[0], passing)
    figures["candidates"] = now.candidates
    figures["curve"] = [at(replace(now, candidates=wanted), queries, best) for wanted in CURVE]
    return figures


def baselines(now: Snapshot) -> tuple[dict[str, Way], dict[str, Any]]:
    """What we are compared with, as far as memory goes, and what it cost to build. Ids are from 1 on, as ours."""
    parts = [part.segment.vectors for part in now.segments]
    rows = sum(map(len, parts))
    if rows * parts[0].shape[1] * 4 > COPIED_UP_TO:
        return {}, {}
    matrix = np.concatenate([now.whitened(part) for part in parts])
    flat = faiss.IndexFlatIP(matrix.shape[1])
    flat.add(matrix)
    ways: dict[str, Way] = {
        "exact_numpy": lambda sought: by_numpy(matrix, sought),
        "faiss_flat": lambda sought: by_faiss(flat, sought),
    }
    if rows > HNSW_UP_TO:
        return ways, {}
    graph = faiss.IndexHNSWFlat(matrix.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efSearch = 128
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    before, began = resident_bytes(), time.perf_counter()
    graph.add(matrix)
    ways["hnsw"] = lambda sought: by_faiss(graph, sought)
    built, kept = time.perf_counter() - began, (resident_bytes() - before) / rows
    return ways, {"hnsw_build_seconds": round(built, 1), "hnsw_bytes_per_row": round(kept)}


def by_numpy(matrix: np.ndarray, sought: np.ndarray) -> np.ndarray:
    """Exact search as one writes it first."""
    scores = matrix @ sought
    best = np.argpartition(scores, -TOP)[-TOP:]
    return best[np.argsort(-scores[best])] + 1


def by_faiss(index: faiss.Index, sought: np.ndarray) -> np.ndarray:
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    return index.search(sought[np.newaxis], TOP)[1][0] + 1


def recall(best: list[np.ndarray], found: list[np.ndarray]) -> float:
    """The share of the ten best that was found."""
    return float(np.mean([np.isin(ours, theirs).mean() for ours, theirs in zip(best, found, strict=True)]))


def at(now: Snapshot, queries: np.ndarray, best: list[np.ndarray]) -> dict[str, float]:
    """What so many candidates cost, and are worth."""
    found = [two_stage.rank(now, sought, top=TOP).image_ids for sought in queries]
    took = timing.of_each({"rank": lambda sought: two_stage.rank(now, sought, top=TOP)}, queries, rounds=1)
    return {"candidates": now.candidates or 0, "ms": took["rank"], "recall": recall(best, found)}


def check_filtered(now: Snapshot, sought: np.ndarray, allowed: np.ndarray) -> None:
    """The right set and a true count."""
    every = two_stage.rank(now, sought, top=len(allowed), allowed=allowed)
    if every.total != len(allowed) or not np.array_equal(np.sort(every.image_ids), np.sort(allowed)):
        raise SystemExit(f"The filter leaves {len(allowed)} images, but the search ranks {every.total}.")


def appended(drawn: np.ndarray) -> float:
    """The median of seconds from the commit of one more image to the end of the first search, which finds it."""
    space = FeatureSpace.objects.get()
    times = []
    for vector in drawn:
        [new] = filled_store.append(space, vector[np.newaxis], [None])
        began = time.perf_counter()
        now = snapshot()
        found = two_stage.rank(now, now.whitened(vector[np.newaxis])[0], top=1).image_ids
        times.append(time.perf_counter() - began)
        if found.tolist() != [new.pk]:
            raise SystemExit(f"Image {new.pk} was committed and is not found.")
    return median(times)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
