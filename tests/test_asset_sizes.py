"""The scripts and stylesheets that a browser loads stay small."""

import re

from django.conf import settings

MAX_SCRIPT_BYTES, MAX_STYLESHEET_BYTES = 60_000, 40_000


def total_bytes(pattern: str) -> int:
    return sum(path.stat().st_size for path in (settings.BASE_DIR / "static").glob(pattern))


def test_all_scripts_together_are_small():
    assert 0 < total_bytes("js/*.js") < MAX_SCRIPT_BYTES


def test_all_stylesheets_together_are_small_and_every_page_loads_them():
    assert 0 < total_bytes("css/*.css") < MAX_STYLESHEET_BYTES
    base_template = (settings.BASE_DIR / "templates" / "base.html").read_text()
    linked = re.findall(r"{% static '(css/[a-z]+\.css)' %}", base_template)
    existing = [f"css/{path.name}" for path in (settings.BASE_DIR / "static" / "css").iterdir()]
    assert sorted(linked) == sorted(existing)
