from collections import Counter

import pytest

from benchmarks.mutated_pictures import measurement


@pytest.mark.slow
def test_damaged_pictures_of_every_format_are_answered_and_no_process_is_lost():
    figures = measurement.measure(measurement.generate_pictures(), count=500, seed=1, decoders=2)
    outcomes = Counter(figures["outcomes"])
    assert figures["pictures"] == outcomes.total() == 500
    assert min(outcomes["decoded"], outcomes["damaged"], outcomes["truncated"]) > 50
    assert not outcomes.keys() & {"decoder_crashed", "too_slow"}


def test_the_same_seed_damages_pictures_in_the_same_way():
    originals = [bytes(range(200)), b"short"]
    first, again, other = (list(measurement.mutate_all(originals, 20, seed)) for seed in (1, 1, 2))
    assert first == again != other
