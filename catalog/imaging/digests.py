"""The name of a picture's bytes."""

import hashlib


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` as 64 lower-case hexadecimal digits (FIPS 180-4)."""
    return hashlib.sha256(data).hexdigest()
