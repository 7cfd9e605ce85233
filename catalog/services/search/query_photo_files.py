"""The files of query photos in `var/queries`. A search writes to no table, so it waits for no writer of the database.

A file is named after its owner and its photo, by keyed digests. The token in the URL of a results page leads to the
file: it consists of both, and the part of the owner is encrypted, so that tokens do not show which photos are of one
owner. The same photo of the same owner always has the same token, so it is stored once.

A file contains the SHA-256 of the rest, a line of JSON, the descriptor and the picture. It was modified when the photo
was sent last. Whatever cannot be read is a photo that has expired.
"""

import json
import os
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from catalog.atomic_write import atomic_write
from catalog.exceptions import StoreUnavailable, gettext_noop
from catalog.services.accounts.clients import VISITOR_PREFIX

DIGEST_BYTES = 32
MAX_FILE_BYTES = 4 * 1024 * 1024  # more than any descriptor and picture together
PHOTO_KEY_BYTES, OWNER_KEY_BYTES = 16, 8  # together 32 characters of base64
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
# The first byte of the key of an owner.
VISITOR, ACCOUNT = b"\0", b"\1"


@dataclass(frozen=True)
class QueryPhoto:
    """A photo that somebody searches with. It never enters the catalogue.

    Attributes:
        token: the secret in the URL of its results.
        picture: WebP without metadata.
        descriptor: float32, little-endian, in the feature space `space_key`.
        expires_at: None if a saved search keeps the photo.
    """

    token: str
    label: str
    picture: bytes
    space_key: str
    descriptor: bytes
    expires_at: datetime | None

    def get_absolute_url(self) -> str:
        """Return the URL of its results."""
        return reverse("results", args=[self.token])

    @property
    def picture_url(self) -> str:
        return reverse("query_photo", args=[self.token])


class PhotoFile(NamedTuple):
    """What is known about a file without opening it. `stored_at`: seconds since 1970."""

    path: str
    is_account: bool
    stored_at: float
    size: int

    def has_expired(self) -> bool:
        return _has_expired(self.stored_at)


def folder() -> Path:
    """Return the folder of all files, which are in subfolders."""
    return settings.VAR_DIR / "queries"


def token_for(owner: str, digest: str, label: str) -> str:
    """Return the token of a photo.

    Args:
        owner: as `clients.client_key` returns it.
        digest: SHA-256 of the uploaded file.
    """
    photo_key = _keyed_digest("query photo", f"{owner} {digest} {label}".encode(), PHOTO_KEY_BYTES)
    return urlsafe_b64encode(photo_key + _encrypt(_owner_key(owner), photo_key)).decode()


def read(token: str) -> QueryPhoto | None:
    """Return the photo with this token; None if it has expired, is damaged or never existed."""
    if not TOKEN_PATTERN.fullmatch(token):
        return None
    try:
        with _path(token).open("rb") as file:
            stored_at = os.fstat(file.fileno()).st_mtime
            data = file.read(MAX_FILE_BYTES)
    except OSError:
        return None
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if sha256(content).digest() != digest or _has_expired(stored_at):
        return None
    header, _, rest = content.partition(b"\n")
    label, space_key, length = json.loads(header)
    return QueryPhoto(token, label, rest[length:], space_key, rest[:length], _expiry(stored_at))


def write(photo: QueryPhoto) -> QueryPhoto:
    """Store a photo until it expires, and return it with this time. Raises StoreUnavailable."""
    header = json.dumps([photo.label, photo.space_key, len(photo.descriptor)]).encode()
    content = header + b"\n" + photo.descriptor + photo.picture
    path = _path(photo.token)
    with _reported():
        for created in (folder(), path.parent):
            created.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(path) as temp_path:
            temp_path.touch(mode=0o600)
            temp_path.write_bytes(sha256(content).digest() + content)
    return replace(photo, expires_at=_expiry(time.time()))


def renew(photo: QueryPhoto) -> QueryPhoto:
    """Keep a stored photo as long as if it were sent now. Raises StoreUnavailable."""
    with _reported(), suppress(FileNotFoundError):
        os.utime(_path(photo.token))
    return replace(photo, expires_at=_expiry(time.time()))


def delete(file: PhotoFile) -> bool:
    """Delete a file, unless its photo was sent again meanwhile. Returns whether it did. Raises StoreUnavailable."""
    path = Path(file.path)
    with _reported(), suppress(FileNotFoundError):
        if path.stat().st_mtime == file.stored_at:
            path.unlink()
            return True
    return False


def find_all() -> Iterator[PhotoFile]:
    """Yield all files, without opening them. Raises StoreUnavailable."""
    with _reported(), suppress(FileNotFoundError):
        for subfolder in folder().iterdir():
            yield from _find_in(subfolder, "")


def find_of(owner: str) -> list[PhotoFile]:
    """Return the files of an owner, without opening them. Raises StoreUnavailable."""
    key = _owner_key(owner)
    with _reported():
        return list(_find_in(_subfolder(key), f"{key.hex()}-"))


def _find_in(subfolder: Path, prefix: str) -> Iterator[PhotoFile]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(subfolder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.startswith(prefix):
                continue  # another owner's, or being written
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                is_account = entry.name.startswith(ACCOUNT.hex())
                yield PhotoFile(entry.path, is_account, status.st_mtime, status.st_size)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = gettext_noop(
            "Query photos cannot be stored in {path}: {error}. Check the free space and permissions of that folder."
        )
        raise StoreUnavailable(message, path=folder(), error=error.strerror or error) from error


def _subfolder(owner_key: bytes) -> Path:
    """One of 256 folders, so that few files have to be listed for one owner."""
    return folder() / owner_key[1:2].hex()


def _path(token: str) -> Path:
    key = urlsafe_b64decode(token)
    photo_key, owner_key = key[:PHOTO_KEY_BYTES], _encrypt(key[PHOTO_KEY_BYTES:], key[:PHOTO_KEY_BYTES])
    return _subfolder(owner_key) / f"{owner_key.hex()}-{photo_key.hex()}"


def _owner_key(owner: str) -> bytes:
    kind = VISITOR if owner.startswith(VISITOR_PREFIX) else ACCOUNT
    return kind + _keyed_digest("owner of query photos", owner.encode(), OWNER_KEY_BYTES - len(kind))


def _encrypt(owner_key: bytes, photo_key: bytes) -> bytes:
    """Encrypt the key of an owner for a token, or decrypt it: XOR with bytes that each photo has its own of."""
    pad = _keyed_digest("owner in a token", photo_key, OWNER_KEY_BYTES)
    return bytes(first ^ second for first, second in zip(owner_key, pad, strict=True))


def _keyed_digest(purpose: str, value: bytes, length: int) -> bytes:
    return salted_hmac(purpose, value, algorithm="sha256").digest()[:length]


def _has_expired(stored_at: float) -> bool:
    return stored_at + settings.QUERY_HOURS * 3600 <= time.time()


def _expiry(stored_at: float) -> datetime:
    return datetime.fromtimestamp(min(stored_at, time.time()), UTC) + timedelta(hours=settings.QUERY_HOURS)
