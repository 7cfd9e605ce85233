import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imaging.names import display_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("summer/beach.jpg", "summer/beach.jpg"),
        ("C:\\Users\\ada\\cat.png", "Users/ada/cat.png"),
        ("C:\\fakepath\\cat.png", "fakepath/cat.png"),
        ("/etc/passwd", "etc/passwd"),
        ("//server/share/x.gif", "server/share/x.gif"),
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
def test_a_name_is_made_safe_to_store_and_show(raw, shown):
    assert display_name(raw) == shown


def test_a_long_name_keeps_its_end():
    name = display_name("x" * 300 + ".jpeg")
    assert len(name) == 255
    assert name.endswith("x.jpeg")


def test_a_cut_does_not_make_a_way_up():
    assert display_name("a.." + "/" + "x" * 252) == "x" * 252


@given(st.text(st.characters(), max_size=400) | st.text("./\\ab:\0\u202e\ud800", max_size=400))
def test_every_name_is_safe_and_stays_as_it_is(raw):
    name = display_name(raw)
    assert 0 < len(name) <= 255
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(name.split("/"))
    assert not re.search("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\\\\]", name)
    assert name.encode("utf-8")
    assert unicodedata.is_normalized("NFC", name)
    assert display_name(name) == name
