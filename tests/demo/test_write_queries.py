import numpy as np
import pytest
from PIL import Image

from catalog.demo import write_queries


def test_the_files_in_the_repository_are_up_to_date(query_pictures):
    for _, name, picture in query_pictures:
        with Image.open(write_queries.QUERIES_DIR / name) as stored:
            difference = np.abs(np.asarray(stored, dtype=float) - np.asarray(picture, dtype=float))
        assert difference.mean() < 4, f"{name} is out of date: run python -m catalog.demo.write_queries"


@pytest.mark.slow
def test_the_written_files_are_small_enough_for_a_page(query_pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(write_queries, "QUERIES_DIR", tmp_path / "queries")
    write_queries.main()
    written = sorted((tmp_path / "queries").iterdir())
    assert [path.name for path in written] == sorted(name for _, name, _ in query_pictures)
    assert all(path.stat().st_size < 60_000 for path in written)
