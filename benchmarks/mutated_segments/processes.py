"""Processes that damage files, one after another: each is replaced when it dies."""

import logging
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

import django
from tqdm import tqdm

SEEDS_PER_TASK = 50


def run(seeds: range, repair_every: int) -> dict[str, Any]:
    """Return the figures of the changes with these seeds."""
    counts: Counter[str] = Counter()
    errors: list[str] = []
    pool = _new_process()
    pool.submit(_create).result()
    with tqdm(total=len(seeds)) as bar:
        for start in range(0, len(seeds), SEEDS_PER_TASK):
            part = seeds[start : start + SEEDS_PER_TASK]
            try:
                for target, reported, repaired, error in pool.submit(_damage, part, repair_every).result():
                    counts[f"{'' if reported else 'un'}reported {target}"] += 1
                    counts["repaired"] += repaired is True
                    counts["not repaired"] += repaired is False
                    errors += [error] if error else []
            except BrokenProcessPool:
                counts["died"] += 1
                errors.append(f"a process died among the seeds {part.start} to {part.stop}")
                pool = _new_process()
            bar.update(len(part))
    pool.shutdown()
    return {"count": len(seeds), "died": counts.pop("died", 0), **dict(sorted(counts.items())), "errors": errors[:20]}


def _new_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_set_up)


def _set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "imagesearch.settings"
    django.setup()
    logging.disable(logging.CRITICAL)
    from catalog.services.index import code_cache

    code_cache.MIN_CACHED_ROWS = 1


def _create() -> None:
    from benchmarks.mutated_segments import catalogue

    catalogue.create()


def _damage(seeds: range, repair_every: int) -> list[tuple[str, bool, bool | None, str]]:
    from benchmarks.mutated_segments import catalogue

    outcomes = [catalogue.damage_and_check(seed, repair=seed % repair_every == 0) for seed in seeds]
    return [(outcome.target, outcome.reported, outcome.repaired, outcome.error) for outcome in outcomes]
