"""Timing of several functions in turn, so that other load on the machine affects all of them equally."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def time_in_turn(functions: Mapping[str, Callable[[], object]], *, count: int, rounds: int) -> dict[str, float]:
    """Return the median time over `rounds`, in milliseconds per item, of functions that process `count` items."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, run in functions.items():
            started_at = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started_at) / count * 1000)
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def time_each(
    functions: Mapping[str, Callable[[Any], object]], inputs: Iterable[Any], *, rounds: int
) -> dict[str, float]:
    """Return the median time in milliseconds of functions called with each input, after a first round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for round_number in range(rounds + 1):
        for value in inputs:
            for name, run in functions.items():
                started_at = time.perf_counter()
                run(value)
                if round_number:
                    times[name].append((time.perf_counter() - started_at) * 1000)
    return {name: round(statistics.median(values), 3) for name, values in times.items()}
