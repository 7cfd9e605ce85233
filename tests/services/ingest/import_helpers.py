"""Helpers for tests of imports and uploads."""

import zipfile
from functools import partial
from pathlib import Path

from django.core.files.storage import default_storage

from catalog.models import Import
from catalog.services.ingest import imports, sources
from catalog.services.ingest.sources import SourceFile


def create_zip(path: Path, files: dict, **options) -> Path:
    """Write a ZIP file with these names and contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def encrypt_entry(path: Path, name: bytes) -> Path:
    """Mark an entry as encrypted, in its local header and in the central directory."""
    data = bytearray(path.read_bytes())
    for signature, flags_offset, name_offset in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            if data[start + name_offset : start + name_offset + len(name)] == name:
                data[start + flags_offset] |= 1
    path.write_bytes(data)
    return path


def import_path(*paths: Path, **options) -> dict[str, str]:
    """Import files. Returns the outcome of each file by its name, or the message if it was rejected."""
    return {
        result.name: result.reason or result.outcome.value
        for results in imports.import_files(sources.iter_files(paths), **options)
        for result in results
    }


def enqueue_import(**source) -> Import:
    """Request a bulk import of `folder` or `archive`, without a user."""
    return imports.enqueue(**{"collection": None, "from_folders": False, "user": None, **source})


def recorded_outcomes(run: Import) -> dict[str, tuple[str, str]]:
    """The outcome and reason of each file of a bulk import, by its name."""
    return {name: (outcome, reason) for name, outcome, reason in run.files.values_list("name", "outcome", "reason")}


def media_files() -> list[str]:
    """Names of all files in the media storage, sorted."""
    folder = Path(default_storage.path(""))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def source_files(*pictures: tuple[str, bytes]) -> list[SourceFile]:
    """Files in memory with these names and contents."""
    return [SourceFile(name, partial(bytes, data)) for name, data in pictures]
