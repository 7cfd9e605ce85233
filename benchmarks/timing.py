"""Times taken in turn, so that what else the machine does meets all of them alike."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def in_turn(ways: Mapping[str, Callable[[], object]], *, count: int, rounds: int) -> dict[str, float]:
    """The median over `rounds` of the milliseconds that each way takes for each of the `count` things it does."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / count * 1000)
    return {name: round(statistics.median(found), 2) for name, found in times.items()}


def of_each(ways: Mapping[str, Callable[[Any], object]], things: Iterable[Any], *, rounds: int) -> dict[str, float]:
    """The median milliseconds that each way takes for one thing, over all things and rounds, after one to warm up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for thing in things:
            for name, run in ways.items():
                began = time.perf_counter()
                run(thing)
                if turn:
                    times[name].append((time.perf_counter() - began) * 1000)
    return {name: round(statistics.median(found), 3) for name, found in times.items()}
