"""Reading the environment: every variable has a default that works, and a bad value is refused by name."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
T = TypeVar("T")


def read(name: str, default: T, parse: Callable[[str], T], takes: str) -> T:
    """The value of the variable `name`, or `default` where it is unset or empty.

    Raises:
        ImproperlyConfigured: naming the variable, its value and what it takes.
    """
    # Not through `env`, which takes a value that begins with "$" for the name of another variable.
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError, RuntimeError, ImproperlyConfigured):
        raise ImproperlyConfigured(f"{name} is {raw!r}; it takes {takes}.") from None


def text(name: str) -> str:
    return read(name, "", str, "any text")


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError
        return raw

    return read(name, default, parse, "one of " + ", ".join(choices))


def whole_number(name: str, default: int, *, least: int, most: int) -> int:
    def parse(raw: str) -> int:
        number = int(raw)
        if not least <= number <= most:
            raise ValueError
        return number

    return read(name, default, parse, f"a whole number from {least} to {most}")


def switch(name: str, default: bool) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    return read(name, default, lambda raw: words[raw.lower()], "true or false")


def words(name: str, default: list[str]) -> list[str]:
    return read(
        name,
        default,
        lambda raw: [part.strip() for part in raw.split(",") if part.strip()],
        "names separated by commas",
    )


def path(name: str, default: Path | None) -> Path | None:
    return read(name, default, lambda raw: Path(raw).expanduser().resolve(), "a path")


def folder(name: str, default: Path) -> Path:
    """A folder, which need not be there yet."""

    def parse(raw: str) -> Path:
        place = Path(raw).expanduser().resolve()
        if place.exists() and not place.is_dir():
            raise ValueError
        return place

    return read(name, default, parse, "the path of a folder")


def url(name: str, schemes: tuple[str, ...]) -> str | None:
    """A URL of one of `schemes`, or None where the variable is unset."""

    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        # Not only the scheme: `redis:host` would otherwise fail much later and far away.
        known = parts.scheme in schemes and raw.lower().startswith(f"{parts.scheme}://")
        if not known or not (parts.netloc or parts.path.strip("/")):
            raise ValueError
        _ = parts.port  # raises ValueError for a port that is no number
        return raw

    takes = "a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes)
    return read(name, None, parse, takes)


def database(name: str, sqlite: Path) -> dict[str, object]:
    """Django's settings of the one database: PostgreSQL where the variable is set, else SQLite at `sqlite`."""
    address = url(name, ("postgres", "postgresql", "sqlite"))
    settings: dict[str, object] = env.db_url_config(address or f"sqlite:///{sqlite}")
    if not settings["NAME"]:
        raise ImproperlyConfigured(f"{name} is {address!r}; it takes a URL that ends with the name of a database.")
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {
            # Writers queue at BEGIN instead of failing when a read turns into a write.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        settings["CONN_MAX_AGE"] = 60
        settings["CONN_HEALTH_CHECKS"] = True
    return settings


def vector_index(name: str) -> str | None:
    """A Milvus server's `http(s)://[user:password@]host[:port][/database]`, or None: search needs no server."""

    def parse(raw: str) -> str | None:
        if raw == "local":
            return None
        parts = urlsplit(raw)
        whole = (
            parts.scheme in ("milvus+http", "milvus+https") and parts.hostname and not (parts.query or parts.fragment)
        )
        if not whole or not re.fullmatch(r"/?|/[A-Za-z_][A-Za-z0-9_]*/?", parts.path):
            raise ValueError
        _ = parts.port  # raises ValueError for a port that is no number
        return raw.removeprefix("milvus+")

    return read(name, None, parse, "local, or milvus+http://host:19530/database, or the same with milvus+https")


def media_storage(name: str, media: Path) -> dict[str, object]:
    """Django's STORAGES entry for originals and thumbnails: `s3://bucket/prefix`, else the local folder `media`."""
    address = url(name, ("s3",))
    if address is None:
        return {"BACKEND": "catalog.storage.DurableFileSystemStorage", "OPTIONS": {"location": media}}
    parts = urlsplit(address)
    options = {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "file_overwrite": True,
        "querystring_auth": False,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
