"""What a person called a file, made safe to store and show."""

import re
import unicodedata

LONGEST = 255

# Control characters, line separators, and the marks that reorder text, by which "gpj.exe" reads "exe.jpg".
# Joiners, variation selectors and tags stay: emoji and several scripts are spelled with them.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
NOT_A_NAME = re.compile(r"\.{0,2}|[A-Za-z]:")


def display_name(raw: str) -> str:
    """`raw` as a relative path of at most 255 characters; "unnamed" when nothing is left of it.

    The end is kept, because it holds the file's own name and extension. Text is in Unicode normal form C
    (UAX #15); lone surrogates, which no database stores, become U+FFFD.
    """
    storable = raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    printable = unicodedata.normalize("NFC", UNPRINTABLE.sub("", storable))
    parts = (part.strip() for part in printable.replace("\\", "/")[-LONGEST:].split("/"))
    return "/".join(part for part in parts if not NOT_A_NAME.fullmatch(part)) or "unnamed"
