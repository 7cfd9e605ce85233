"""Reads settings from environment variables. Every variable has a default; a bad value stops the program."""

import os
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
T = TypeVar("T")


def read(name: str, default: T, parse: Callable[[str], T], expected: str) -> T:
    """The value of the variable `name`, or `default` if it is unset or empty.

    Args:
        parse: converts the text. May raise ValueError, KeyError or RuntimeError.
        expected: describes the valid values, for the error message.

    Raises:
        ImproperlyConfigured: the value is not valid. The message names the variable, its value and what is expected.
    """
    # Not through `env`, which replaces a value such as "$OTHER" by the variable of that name.
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except (ValueError, KeyError, RuntimeError, ImproperlyConfigured):
        raise ImproperlyConfigured(f"{name}={raw!r} is not valid. Expected {expected}.") from None


def text(name: str) -> str:
    return read(name, "", str, "any text")


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    def parse(raw: str) -> str:
        if raw not in choices:
            raise ValueError
        return raw

    return read(name, default, parse, "one of " + ", ".join(choices))


def extractor(name: str, default: str, names: tuple[str, ...]) -> str:
    """One of `names`, the absolute path of an ONNX file, or `keras:` and the name of a network."""

    def parse(raw: str) -> str:
        if raw.endswith(".onnx"):
            return str(Path(raw).expanduser().resolve())
        if raw not in names and not re.fullmatch(r"keras:[A-Za-z0-9]+", raw):
            raise ValueError
        return raw

    expected = f"one of {', '.join(names)}, the path of an .onnx file, or keras: and a name such as keras:ConvNeXtTiny"
    return read(name, default, parse, expected)


def integer(name: str, default: int, *, min_value: int, max_value: int) -> int:
    def parse(raw: str) -> int:
        number = int(raw)
        if not min_value <= number <= max_value:
            raise ValueError
        return number

    return read(name, default, parse, f"a whole number from {min_value} to {max_value}")


def boolean(name: str, default: bool) -> bool:
    values = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    return read(name, default, lambda raw: values[raw.lower()], "true or false")


def string_list(name: str, default: list[str]) -> list[str]:
    return read(
        name,
        default,
        lambda raw: [part.strip() for part in raw.split(",") if part.strip()],
        "names separated by commas",
    )


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """IP networks. An address alone is a network of one."""
    return read(
        name,
        [],
        lambda raw: [ip_network(part.strip()) for part in raw.split(",") if part.strip()],
        "addresses or networks separated by commas, such as 10.0.0.5 or 10.0.0.0/8",
    )


def path(name: str, default: Path | None) -> Path | None:
    return read(name, default, lambda raw: Path(raw).expanduser().resolve(), "a path")


def folder(name: str, default: Path) -> Path:
    """The absolute path of a folder, which may not exist yet."""

    def parse(raw: str) -> Path:
        folder_path = Path(raw).expanduser().resolve()
        if folder_path.exists() and not folder_path.is_dir():
            raise ValueError
        return folder_path

    return read(name, default, parse, "the path of a folder")


def optional_folder(name: str) -> Path | None:
    """The absolute path of a folder, which may not exist yet; None if the variable is unset or `none`."""
    if text(name) in ("", "none"):
        return None
    return folder(name, Path())


def url(name: str, schemes: tuple[str, ...]) -> str | None:
    """A URL with one of `schemes`, or None if the variable is unset."""

    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        # Requires "://" too: `redis:host` would fail only when the first connection is opened.
        has_scheme = parts.scheme in schemes and raw.lower().startswith(f"{parts.scheme}://")
        if not has_scheme or not (parts.netloc or parts.path.strip("/")):
            raise ValueError
        _ = parts.port  # raises ValueError for a port that is no number
        return raw

    expected = "a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes)
    return read(name, None, parse, expected)


def database(name: str, sqlite_path: Path) -> dict[str, object]:
    """Django's settings of the database: the one of the URL, or SQLite at `sqlite_path` if the variable is unset."""
    database_url = url(name, ("postgres", "postgresql", "sqlite"))
    settings: dict[str, object] = env.db_url_config(database_url or f"sqlite:///{sqlite_path}")
    if not settings["NAME"]:
        raise ImproperlyConfigured(
            f"{name}={database_url!r} is not valid. Expected a URL that ends with the name of a database."
        )
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {
            # Writers wait at BEGIN. With DEFERRED, a transaction that reads first fails when it starts to write.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # FULL: files are deleted after a commit that no longer names them, so a commit must survive a power loss.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        settings["CONN_MAX_AGE"] = 60
        settings["CONN_HEALTH_CHECKS"] = True
    return settings


def vector_index(name: str) -> str | None:
    """The URL of a Milvus server, `http(s)://[user:password@]host[:port][/database]`, or None for the local index."""

    def parse(raw: str) -> str | None:
        if raw == "local":
            return None
        parts = urlsplit(raw)
        is_valid = (
            parts.scheme in ("milvus+http", "milvus+https") and parts.hostname and not (parts.query or parts.fragment)
        )
        if not is_valid or not re.fullmatch(r"/?|/[A-Za-z_][A-Za-z0-9_]*/?", parts.path):
            raise ValueError
        _ = parts.port  # raises ValueError for a port that is no number
        return raw.removeprefix("milvus+")

    return read(name, None, parse, "local, or milvus+http://host:19530/database, or the same with milvus+https")


def media_storage(name: str, media_root: Path) -> dict[str, object]:
    """Django's STORAGES entry for originals and thumbnails: S3, or by default the local folder `media_root`."""
    storage_url = url(name, ("s3",))
    if storage_url is None:
        return {"BACKEND": "catalog.media_storage.AtomicFileSystemStorage", "OPTIONS": {"location": media_root}}
    parts = urlsplit(storage_url)
    options = {
        "bucket_name": parts.netloc,
        "location": parts.path.strip("/"),
        "file_overwrite": True,
        "querystring_auth": False,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
