import numpy as np
from PIL import Image

from catalog.demo import write_queries


def test_the_files_in_the_checkout_are_what_the_code_draws(asked):
    for _, name, picture in asked:
        with Image.open(write_queries.FOLDER / name) as kept:
            apart = np.abs(np.asarray(kept, dtype=float) - np.asarray(picture, dtype=float))
        assert apart.mean() < 4, f"{name} is out of date: run python -m catalog.demo.write_queries"


def test_every_query_is_written_small_enough_for_a_page(asked, tmp_path, monkeypatch):
    monkeypatch.setattr(write_queries, "FOLDER", tmp_path / "queries")
    write_queries.main()
    written = sorted((tmp_path / "queries").iterdir())
    assert [path.name for path in written] == sorted(name for _, name, _ in asked)
    assert all(path.stat().st_size < 60_000 for path in written)
