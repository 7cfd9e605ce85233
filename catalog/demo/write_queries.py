"""Writes the photos that the search page offers to try: `python -m catalog.demo.write_queries`."""

from pathlib import Path

from catalog.demo.drawing import queries

FOLDER = Path(__file__).resolve().parents[2] / "static" / "demo" / "queries"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for _, name, picture in queries():
        picture.save(FOLDER / name, quality=88, optimize=True)


if __name__ == "__main__":
    main()
