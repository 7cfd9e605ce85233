"""What a browser has to load stays small."""

from django.conf import settings

MOST_SCRIPT, MOST_STYLE = 40_000, 30_000


def weight(pattern: str) -> int:
    return sum(path.stat().st_size for path in (settings.BASE_DIR / "static").glob(pattern))


def test_all_scripts_together_are_small():
    assert 0 < weight("js/*.js") < MOST_SCRIPT


def test_the_stylesheet_is_small_and_one():
    assert len(list((settings.BASE_DIR / "static" / "css").iterdir())) == 1
    assert 0 < weight("css/*.css") < MOST_STYLE
