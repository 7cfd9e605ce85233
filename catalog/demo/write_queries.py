"""Writes the example photos of the search page: `python -m catalog.demo.write_queries`."""

from pathlib import Path

from catalog.demo.drawing import draw_queries

QUERIES_DIR = Path(__file__).resolve().parents[2] / "static" / "demo" / "queries"


def main() -> None:
    QUERIES_DIR.mkdir(parents=True, exist_ok=True)
    for _, name, picture in draw_queries():
        picture.save(QUERIES_DIR / name, quality=88, optimize=True)


if __name__ == "__main__":
    main()
