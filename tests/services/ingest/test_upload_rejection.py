"""A file that cannot be added is rejected with a message of its own, and nothing of it is stored."""

import struct
import zlib

import pytest

from catalog.exceptions import PictureRejected, StoreUnavailable
from catalog.models import Image, ImportedFile
from catalog.services.ingest import uploads
from catalog.services.ingest.sources import SourceFile
from tests.processes import run_unprivileged
from tests.services.ingest.import_helpers import media_files, source_files

Outcome = ImportedFile.Outcome


def png_header_only(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header declares this size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


REJECTED_FILES = {
    "empty": (b"", "The file is empty. Choose another one."),
    "not_a_picture": (b"only words, named .jpg", "This file isn't a picture. "),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG isn't supported. "),
    "unsupported": (b"%PDF-1.7 ...", "“PDF” files aren't supported. "),
    "too_many_pixels": (
        png_header_only(60_000, 60_000),
        "The picture is 60000 × 60000 pixels; the limit is 100 megapixels. ",
    ),
    "side_too_long": (
        png_header_only(40_000, 20),
        "The picture is 40000 × 20 pixels; each side can be at most 30,000 pixels. ",
    ),
    "too_small": (
        png_header_only(1, 1),
        "The picture is 1 × 1 pixels; each side must be at least 16 pixels. Choose a larger picture.",
    ),
}


@pytest.mark.parametrize("code", REJECTED_FILES)
def test_bad_input_is_rejected_with_its_own_message(db, code):
    data, message = REJECTED_FILES[code]
    assert_rejected(data, code, message)


def test_a_truncated_jpeg_is_rejected_with_its_own_message(db, picture):
    assert_rejected(picture(1)[:-200], "truncated", "This JPEG file is incomplete. Copy or upload it again.")


def test_a_damaged_picture_is_rejected_with_its_own_message(db, picture):
    data = picture(1, format="PNG")
    start = data.index(b"IDAT") + 20
    broken = data[:start] + bytes(byte ^ 255 for byte in data[start : start + 40]) + data[start + 40 :]
    assert_rejected(broken, "damaged", "This PNG file is damaged. Use another copy.")


def test_a_file_over_the_size_limit_is_rejected_with_its_own_message(db, picture, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    assert_rejected(
        picture(1), "too_many_bytes", "Larger than the 1,000 B limit. Use a smaller version of the picture."
    )


def assert_rejected(data: bytes, code: str, message: str) -> None:
    result = uploads.add_picture(data, "rejected.jpg")
    assert result.outcome is Outcome.REJECTED
    assert isinstance(result.error, PictureRejected)
    assert result.error.code == code
    assert message in result.reason
    assert result.image is None
    assert not Image.objects.exists()
    assert media_files() == []


def test_a_gif_of_ten_thousand_frames_is_added_with_its_first_frame(db, picture):
    gif = picture(1, format="GIF", size=(32, 32))
    header = gif[: gif.index(b",")]
    result = uploads.add_picture(header + gif[len(header) : -1] * 10_000 + b";", "long.gif")
    assert result.outcome is Outcome.ADDED
    assert result.image.width == 32


def test_a_rejected_file_does_not_affect_other_files(db, picture):
    files = source_files(("text", b"words"), ("good", picture(1)), ("truncated", picture(2)[:300]))
    assert [result.outcome for result in uploads.add_batch(files)] == [
        Outcome.REJECTED,
        Outcome.ADDED,
        Outcome.REJECTED,
    ]
    assert Image.objects.count() == 1


def test_an_error_while_reading_rejects_the_file(db):
    def read() -> bytes:
        raise PictureRejected("unreadable", "{path} cannot be read.", path="x.jpg")

    (result,) = uploads.add_batch([SourceFile("x.jpg", read)])
    assert result.reason == "x.jpg cannot be read."


def test_nothing_is_added_to_an_unwritable_folder(db, picture, settings, public_folder):
    settings.LOCKS_DIR = public_folder / "locks"
    public_folder.chmod(0o555)
    message = run_unprivileged(lambda: uploads.add_picture(picture(1), "a.jpg"))
    assert message.startswith(StoreUnavailable.__name__)
    assert "Permission denied. Free some space, or give this user write permission there." in message


def test_nothing_is_added_to_a_full_disk(db, picture, monkeypatch):
    def raise_disk_full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", raise_disk_full)
    with pytest.raises(StoreUnavailable, match=r"No space left on device.*It was not added"):
        uploads.add_picture(picture(1), "a.jpg")
    monkeypatch.undo()
    assert not Image.objects.exists()
