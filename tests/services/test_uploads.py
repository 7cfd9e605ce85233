"""Pictures come in once, whole, and with an answer each."""

import struct
import zlib
from functools import partial
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError

from catalog.exceptions import PictureRefused, StoreUnavailable
from catalog.imaging.digests import sha256
from catalog.models import Collection, Image, Tag
from catalog.services import deletion, indexing, originals, orphans, uploads
from catalog.services.uploads import Incoming, Kind

from .conftest import answer_of, without_rights


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def media_files() -> list[str]:
    folder = Path(default_storage.path(""))
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def handful(*files: tuple[str, bytes]) -> list[Incoming]:
    return [Incoming(name, partial(bytes, data)) for name, data in files]


def test_an_added_picture_is_stored_under_its_digest_and_waits(db, picture):
    data = picture(1)
    outcome = uploads.add(data, "holiday.jpg")
    image = outcome.image
    assert (outcome.kind, outcome.name, outcome.reason) == (Kind.ADDED, "holiday.jpg", "")
    assert image.status == Image.Status.PENDING
    assert image.sha256 == sha256(data)
    assert (image.format, image.width, image.height, image.bytes) == ("JPEG", 160, 120, len(data))
    assert originals.read(image) == data
    assert media_files() == [str(image.original), str(image.thumbnail)]


def test_a_picture_is_filed_under_what_its_bytes_say(db, picture):
    image = uploads.add(picture(1, format="PNG"), "lies.jpg").image
    assert image.format == "PNG"
    assert str(image.original).endswith(".png")
    assert image.source == "lies.jpg"


def test_collection_tags_and_account_are_kept_with_it(uploader, picture):
    bags, red, new = Collection.objects.create(name="Bags"), Tag.objects.create(name="r"), Tag.objects.create(name="n")
    image = uploads.add(picture(1), "a.jpg", collection=bags, tags=[red, new], user=uploader).image
    assert (image.collection, image.uploaded_by) == (bags, uploader)
    assert set(image.tags.all()) == {red, new}


REFUSED = {
    "empty": (b"", "The file is empty. Choose one that holds a picture."),
    "not_a_picture": (b"only words, named .jpg", "This is not a picture, whatever its name says. "),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "This is an SVG, a vector drawing, which is not taken. "),
    "unsupported": (b"%PDF-1.7 ...", "Files of the kind “PDF” are not taken; "),
    "too_many_pixels": (png_of(60_000, 60_000), "The picture has 60000 × 60000 pixels; 100,000,000 in all "),
    "side_too_long": (png_of(40_000, 20), "The picture has 40000 × 20 pixels; a side may have 30,000. "),
    "too_small": (png_of(1, 1), "The picture has 1 × 1 pixels; each side needs 16. Choose a larger one."),
}


@pytest.mark.parametrize("code", REFUSED)
def test_bad_input_is_refused_with_its_own_sentence(db, code):
    data, sentence = REFUSED[code]
    assert_refused(data, code, sentence)


def test_a_truncated_jpeg_is_refused_with_its_own_sentence(db, picture):
    assert_refused(picture(1)[:-200], "truncated", "The JPEG file ends in the middle. Copy or send it again, whole.")


def test_a_damaged_picture_is_refused_with_its_own_sentence(db, picture):
    data = picture(1, format="PNG")
    at = data.index(b"IDAT") + 20
    broken = data[:at] + bytes(byte ^ 255 for byte in data[at : at + 40]) + data[at + 40 :]
    assert_refused(broken, "damaged", "The PNG file is damaged and cannot be read. Use another copy of it.")


def test_a_file_over_the_limit_of_bytes_is_refused_with_its_own_sentence(db, picture, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    assert_refused(picture(1), "too_many_bytes", "bytes; 1,000 are taken at most. Save the picture smaller.")


def assert_refused(data: bytes, code: str, sentence: str) -> None:
    outcome = uploads.add(data, "refused.jpg")
    assert outcome.kind is Kind.REFUSED
    assert isinstance(outcome.refusal, PictureRefused)
    assert outcome.refusal.code == code
    assert sentence in outcome.reason
    assert outcome.image is None
    assert not Image.objects.exists()
    assert media_files() == []


def test_a_gif_of_ten_thousand_frames_comes_in_by_its_first(db, picture):
    whole = picture(1, format="GIF", size=(32, 32))
    head = whole[: whole.index(b",")]
    outcome = uploads.add(head + whole[len(head) : -1] * 10_000 + b";", "endless.gif")
    assert outcome.kind is Kind.ADDED
    assert outcome.image.width == 32


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("../../etc/passwd.jpg", "etc/passwd.jpg"),
        ("nul\x00byte.jpg", "nulbyte.jpg"),
        ("🌹 rose.jpg", "🌹 rose.jpg"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("x" * 300 + ".jpg", "x" * 251 + ".jpg"),
    ],
)
def test_a_strange_name_is_made_safe_and_touches_no_other_place(db, picture, data_dir, raw, kept):
    image = uploads.add(picture(1), raw).image
    image.full_clean()
    assert Image.objects.get().source == kept
    assert all(path.startswith(("originals/", "thumbnails/")) for path in media_files())


def test_the_same_bytes_again_give_the_image_that_is_there(db, picture):
    first = uploads.add(picture(1), "first.jpg").image
    again = uploads.add(picture(1), "again.jpg", collection=Collection.objects.create(name="Other"))
    assert (again.kind, again.image) == (Kind.DUPLICATE, first)
    first.refresh_from_db()
    assert (first.source, first.collection) == ("first.jpg", None)


def test_the_same_bytes_twice_in_one_handful_are_added_once(db, picture):
    outcomes = uploads.add_all(handful(("a", picture(1)), ("b", picture(2)), ("c", picture(1)), ("d", b"")))
    assert [outcome.kind for outcome in outcomes] == [Kind.ADDED, Kind.ADDED, Kind.DUPLICATE, Kind.REFUSED]
    assert outcomes[2].image == outcomes[0].image
    assert Image.objects.get(pk=outcomes[0].image.pk).source == "a"


def test_a_refused_file_holds_up_no_other(db, picture):
    outcomes = uploads.add_all(handful(("bad", b"words"), ("good", picture(1)), ("worse", picture(2)[:300])))
    assert [outcome.kind for outcome in outcomes] == [Kind.REFUSED, Kind.ADDED, Kind.REFUSED]
    assert Image.objects.count() == 1


def test_a_reader_that_refuses_gives_that_refusal(db):
    def read() -> bytes:
        raise PictureRefused("unreadable", "{path} cannot be read.", path="x.jpg")

    (outcome,) = uploads.add_all([Incoming("x.jpg", read)])
    assert outcome.reason == "x.jpg cannot be read."


def test_no_files_give_no_outcomes(db):
    assert uploads.add_all([]) == []


def test_what_another_inserts_at_the_same_moment_is_already_there(db, picture, monkeypatch):
    """Somebody else's row comes between this one's look at the table and its own insertion."""
    look, others = uploads._rows, []

    def look_and_be_overtaken(digests):
        found = look(digests)
        if sha256(picture(1)) in digests and Path(default_storage.path("originals")).exists() and not others:
            others.append(Image.objects.create(sha256=sha256(picture(1)), original="originals/x", **SIZES))
        return found

    monkeypatch.setattr(uploads, "_rows", look_and_be_overtaken)
    raced, alone = uploads.add_all(handful(("a", picture(1)), ("b", picture(2))))
    assert (raced.kind, raced.image) == (Kind.DUPLICATE, others[0])
    assert raced.image.get_absolute_url()
    assert alone.kind is Kind.ADDED
    assert Image.objects.count() == 2


SIZES = {"width": 1, "height": 1, "bytes": 1, "thumbnail_width": 1, "thumbnail_height": 1}


def test_a_collection_that_is_deleted_meanwhile_is_a_fault_and_no_endless_wait(transactional_db, picture):
    gone = Collection.objects.create(name="Gone")
    Collection.objects.all().delete()
    gone.pk = 4711
    with pytest.raises(IntegrityError):
        uploads.add(picture(1), "a.jpg", collection=gone)
    assert not Image.objects.exists()


def test_two_processes_that_add_the_same_pictures_add_each_once(installation):
    script = (
        "import io, json, numpy as np\n"
        "from PIL import Image as Pixels\n"
        "from catalog.services import uploads\n"
        "outcomes = []\n"
        "for number in range(12):\n"
        "    out = io.BytesIO()\n"
        "    chance = np.random.default_rng(number)\n"
        "    Pixels.fromarray(chance.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, 'PNG')\n"
        "    outcome = uploads.add_all([uploads.Incoming(str(number), out.getvalue)])[0]\n"
        "    outcomes.append((outcome.kind.value, outcome.image.pk))\n"
        "print(json.dumps(outcomes))"
    )
    one, other = map(answer_of, [installation.start(script), installation.start(script)])
    for (kind, pk), (other_kind, other_pk) in zip(one, other, strict=True):
        assert {kind, other_kind} == {"added", "duplicate"}
        assert pk == other_pk


def test_a_missing_original_is_put_back_by_uploading_it_again(catalogue, picture):
    image = catalogue[0]
    default_storage.delete(str(image.original))
    outcome = uploads.add(picture(0), "again.jpg")
    assert (outcome.kind, outcome.image) == (Kind.DUPLICATE, image)
    assert originals.read(image) == picture(0)
    assert outcome.image.status == Image.Status.INDEXED


def test_a_missing_thumbnail_is_made_again_whatever_it_was_called(catalogue, picture):
    image = catalogue[0]
    Image.objects.filter(pk=image.pk).update(thumbnail=f"thumbnails/{image.sha256}.webp")
    uploads.add(picture(0), "again.jpg")
    image.refresh_from_db()
    assert str(image.thumbnail) == originals.thumbnail_name(image.sha256)
    assert originals.has_thumbnail(image)


def test_a_picture_that_is_deleted_while_its_bytes_come_in_again_comes_in_anew(
    catalogue, picture, django_capture_on_commit_callbacks
):
    with uploads.hands() as threads:
        begun = uploads.begin(uploads.read(handful(("a", picture(0)), ("b", picture(0))), threads), threads)
        with django_capture_on_commit_callbacks(execute=True):
            deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
        outcomes = uploads.end(begun, threads)
    assert [outcome.kind for outcome in outcomes] == [Kind.ADDED, Kind.DUPLICATE]
    assert outcomes[0].image == outcomes[1].image
    assert originals.read(outcomes[0].image) == picture(0)


def test_a_handful_that_has_begun_has_stored_nothing(db, picture):
    with uploads.hands() as threads:
        uploads.begin(uploads.read(handful(("a", picture(0))), threads), threads)
    assert media_files() == []
    assert not Image.objects.exists()


def test_an_image_that_failed_for_its_missing_original_is_tried_again_when_it_is_put_back(db, picture):
    image = uploads.add(picture(0), "one.jpg").image
    default_storage.delete(str(image.original))
    indexing.index_pending()
    assert uploads.add(picture(0), "again.jpg").image.status == Image.Status.PENDING
    assert indexing.index_pending().indexed == 1


def test_an_altered_original_is_told_and_put_back(db, picture):
    image = uploads.add(picture(0), "one.jpg").image
    Path(default_storage.path(str(image.original))).write_bytes(picture(1))
    assert indexing.index_pending().failed == 1
    image.refresh_from_db()
    assert "is not the picture that was taken in. Upload the picture again." in image.failure_reason
    uploads.add(picture(0), "again.jpg")
    assert indexing.index_pending().indexed == 1


def test_a_deleted_picture_comes_in_anew(catalogue, picture, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        deletion.delete(Image.objects.filter(pk=catalogue[0].pk))
    outcome = uploads.add(picture(0), "back.jpg")
    assert outcome.kind is Kind.ADDED
    assert originals.has_original(outcome.image)


def test_a_worker_is_told_of_a_new_picture_and_of_no_other(
    db, picture, monkeypatch, django_capture_on_commit_callbacks
):
    told = []
    monkeypatch.setattr("catalog.services.hints._send", lambda task, *args: told.append(task.name))
    for data in (picture(1), b"refused"):
        with django_capture_on_commit_callbacks(execute=True):
            uploads.add(data, "a.jpg")
    assert told == ["catalog.tasks.index_pending"]


def test_a_killed_upload_leaves_litter_that_a_sweep_takes(installation):
    killed = installation.start(
        "import io, os, signal\n"
        "from PIL import Image as Pixels\n"
        "from catalog.models import Image\n"
        "from catalog.services import uploads\n"
        "type(Image.objects).bulk_create = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)\n"
        "out = io.BytesIO()\n"
        "Pixels.new('RGB', (40, 40)).save(out, 'PNG')\n"
        "uploads.add(out.getvalue(), 'a.png')"
    )
    killed.communicate()
    assert killed.returncode == -9
    left = [path for path in (installation.folder / "media").rglob("*") if path.is_file()]
    assert len(left) == 2
    assert installation.run(
        "from catalog.models import Image\n"
        "from catalog.services import orphans\n"
        "print([Image.objects.count(), orphans.sweep()])"
    ) == [0, 2]
    assert not any(path.exists() for path in left)


def test_a_sweep_takes_nothing_that_an_image_has(catalogue):
    assert orphans.sweep() == 0
    assert all(originals.has_original(image) for image in catalogue)


def test_a_folder_without_rights_refuses_with_a_sentence_and_adds_nothing(db, picture, settings, open_folder):
    settings.LOCKS_DIR = open_folder / "locks"
    open_folder.chmod(0o555)
    told = without_rights(lambda: uploads.add(picture(1), "a.jpg"))
    assert told.startswith(StoreUnavailable.__name__)
    assert "Permission denied. Free some space or give this user the right to write there." in told


def test_a_full_disk_refuses_with_a_sentence_and_adds_nothing(db, picture, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreUnavailable, match=r"No space left on device.*it was not added"):
        uploads.add(picture(1), "a.jpg")
    monkeypatch.undo()
    assert not Image.objects.exists()


def test_many_threads_add_many_pictures(installation):
    """Threads of one process, as a web server has them, with a connection each."""
    assert installation.run(
        "import io, numpy as np\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from PIL import Image as Pixels\n"
        "from catalog.models import Image\n"
        "from catalog.services import uploads\n"
        "def add(number):\n"
        "    out = io.BytesIO()\n"
        "    chance = np.random.default_rng(number % 8)\n"
        "    Pixels.fromarray(chance.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(out, 'PNG')\n"
        "    return uploads.add_all([uploads.Incoming('x', out.getvalue)])[0].kind.value\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    kinds = list(threads.map(add, range(24)))\n"
        "print([kinds.count('added'), kinds.count('duplicate'), Image.objects.count()])"
    ) == [8, 16, 8]
