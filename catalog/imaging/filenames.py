"""File names from users, made safe to store and display."""

import re
import unicodedata

MAX_LENGTH = 255

# Control characters, line separators, and bidirectional marks, which can make "gpj.exe" display as "exe.jpg".
# Joiners, variation selectors and tags are kept: emoji and several scripts need them.
UNPRINTABLE_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
INVALID_PART = re.compile(r"\.{0,2}|[A-Za-z]:")


def sanitise_filename(raw_name: str) -> str:
    """Return `raw_name` as a relative path of at most 255 characters; "unnamed" if nothing is left of it.

    A longer name is cut at the start, because its end holds the file name and extension. The result is in Unicode
    normal form C (UAX #15). Lone surrogates, which databases cannot store, are replaced by U+FFFD.
    """
    storable = raw_name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    printable = unicodedata.normalize("NFC", UNPRINTABLE_CHARACTERS.sub("", storable))
    parts = (part.strip() for part in printable.replace("\\", "/")[-MAX_LENGTH:].split("/"))
    return "/".join(part for part in parts if not INVALID_PART.fullmatch(part)) or "unnamed"
