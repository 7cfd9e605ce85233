"""Counters of several processes are added up, survive restarts and never stop a request."""

import errno
import os

import pytest

from catalog.exceptions import NoIndexedImages
from catalog.services.monitoring import process_metrics
from catalog.services.search import queries, ranking
from tests.processes import read_json_output


@pytest.fixture(autouse=True)
def forget_process():
    """As if this process had just started."""
    process_metrics._process_metrics.cache_clear()


def total(name: str, **labels: str) -> float:
    samples = [sample for metric in process_metrics.read_all() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name == f"imagesearch_{name}" and sample.labels == labels)


def in_fork(action) -> None:
    child = os.fork()
    if child == 0:
        action()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_counts_of_all_processes_are_added_up(settings):
    process_metrics.count_search("answered")
    for _ in range(2):
        in_fork(lambda: process_metrics.count_search("answered"))
    assert total("searches_total", result="answered") == 3


def test_a_process_goes_on_with_the_files_of_a_dead_one(installation):
    script = (
        "import json\n"
        "from catalog.services.monitoring import process_metrics as metrics\n"
        "metrics.count_search('answered')\n"
        "samples = [sample for metric in metrics.read_all() for sample in metric.samples]\n"
        "print(json.dumps([sum(one.value for one in samples if one.name.endswith('searches_total')),\n"
        "                  sorted(path.name for path in metrics._folder().iterdir())]))\n"
    )
    results = [read_json_output(installation.start(script)) for _ in range(3)]
    assert [count for count, _ in results] == [1, 2, 3]
    assert results[-1][1] == ["0.lock", "counter_0.db", "histogram_0.db"]


def test_times_are_in_seconds():
    with process_metrics.time_stage("rank"):
        pass
    assert total("stage_seconds_count", stage="rank") == 1
    assert 0 < total("stage_seconds_sum", stage="rank") < 1


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff" * 64, b"\x40\0\0\0\0\0\0\0\xff\xff\xff\x7f" + b"x" * 80, b"\x40\0\0\0" + bytes(80)],
    ids=["empty", "negative", "too long", "without keys"],
)
def test_a_damaged_file_is_left_out_and_started_again(settings, damage):
    folder = settings.VAR_DIR / "metrics"
    folder.mkdir()
    (folder / "counter_0.db").write_bytes(damage)
    assert process_metrics.read_all() == []
    process_metrics.count_search("answered")
    assert total("searches_total", result="answered") == 1


def test_space_is_reserved_so_that_a_full_disk_cannot_end_the_process(settings, monkeypatch, caplog):
    def no_space(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_space)
    process_metrics.count_search("answered")
    assert total("searches_total", result="answered") == 0
    assert "not part of the metrics" in caplog.text


def test_searches_and_their_stages_are_counted(catalogue, picture):
    ranking.search(queries.extract_query(picture(1)))
    assert total("searches_total", result="answered") == 1
    for stage in ("decode", "network", "rank"):
        assert total("stage_seconds_count", stage=stage) == 1


def test_searches_without_an_answer_are_counted_by_reason(db, catalogue, picture):
    query = queries.extract_query(picture(1))
    for image in catalogue:
        image.delete()
    from catalog.models import Segment

    Segment.objects.all().delete()
    with pytest.raises(NoIndexedImages):
        ranking.search(query)
    assert total("searches_total", result="NoIndexedImages") == 1


def test_rejected_pictures_are_counted_by_reason(db):
    from catalog.services.ingest import uploads

    uploads.add_picture(b"no picture", "a.jpg")
    assert total("rejected_pictures_total", reason="not_a_picture") == 1
