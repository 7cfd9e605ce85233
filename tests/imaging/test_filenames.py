import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imaging.filenames import sanitise_filename


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("summer/beach.jpg", "summer/beach.jpg"),
        ("C:\\Users\\ada\\cat.png", "Users/ada/cat.png"),
        ("C:\\fakepath\\cat.png", "fakepath/cat.png"),
        ("/etc/passwd", "etc/passwd"),
        ("//server/fraction/x.gif", "server/fraction/x.gif"),
        ("../../x.jpg", "x.jpg"),
        ("a/../b/./c.jpg", "a/b/c.jpg"),
        ("..\\ .. \\x.jpg", "x.jpg"),
        ("nul\0byte\r\n\x1b[31m.jpg", "nulbyte[31m.jpg"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("\u2066\u200fx\u2069\ufeff.jpg", "x.jpg"),
        ("cafe\u0301.jpg", "café.jpg"),
        ("half \ud83d.jpg", "half \ufffd.jpg"),
        ("👩‍🚀🏳️‍🌈 照片.jpg", "👩‍🚀🏳️‍🌈 照片.jpg"),
        (".hidden", ".hidden"),
        ("", "unnamed"),
        ("\0\n", "unnamed"),
        ("../..", "unnamed"),
        ("  /  ", "unnamed"),
    ],
)
def test_a_name_is_made_safe_to_store_and_display(raw, shown):
    assert sanitise_filename(raw) == shown


def test_a_long_name_keeps_its_end():
    name = sanitise_filename("x" * 300 + ".jpeg")
    assert len(name) == 255
    assert name.endswith("x.jpeg")


def test_truncation_does_not_create_a_parent_path():
    assert sanitise_filename("a.." + "/" + "x" * 252) == "x" * 252


@given(st.text(st.characters(), max_size=400) | st.text("./\\ab:\0\u202e\ud800", max_size=400))
def test_every_sanitised_name_is_safe_and_sanitising_it_again_changes_nothing(raw):
    name = sanitise_filename(raw)
    assert 0 < len(name) <= 255
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(name.split("/"))
    assert not re.search("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\\\\]", name)
    assert name.encode("utf-8")
    assert unicodedata.is_normalized("NFC", name)
    assert sanitise_filename(name) == name
