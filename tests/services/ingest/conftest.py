"""Fixtures for imports: a folder with pictures, and an archive with bad entries."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from tests.services.ingest.import_helpers import create_zip, encrypt_entry


@pytest.fixture
def folder(settings, picture) -> Path:
    """A folder in the import root: four pictures in three folders, a text file, and hidden files."""
    root = settings.IMPORT_ROOT / "pictures"
    files = {
        "a.jpg": picture(1),
        "bags/b.jpg": picture(2),
        "bags/c.png": picture(3, format="PNG"),
        "cups/d.jpg": picture(4),
        "cups/notes.txt": b"only words",
        ".hidden.jpg": picture(5),
        ".thumbnails/e.jpg": picture(6),
    }
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture
def mixed_zip(tmp_path, picture) -> Path:
    """A ZIP file with two good entries and every kind of bad entry."""
    link = zipfile.ZipInfo("link.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.jpg", picture(9))
    path = create_zip(
        tmp_path / "mixed.zip",
        {
            "good.jpg": picture(1),
            "/etc/absolute.jpg": picture(2),
            "../../outside.jpg": picture(3),
            "inner.zip": inner.getvalue(),
            link: "/etc/passwd",
            "bomb.png": bytes(40 * 1024 * 1024),
            "broken.jpg": picture(4)[:-300],
            "locked.jpg": picture(5),
            "zlast.jpg": picture(6),
        },
    )
    return encrypt_entry(path, b"locked.jpg")
