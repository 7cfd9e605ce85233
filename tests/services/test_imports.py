"""Files, folders and archives in, with an outcome for every file."""

import io
import json
import os
import shutil
import stat
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.exceptions import ArchiveRefused, FolderRefused, StoreUnavailable
from catalog.models import Collection, Image, Import
from catalog.services import claims, found_files, imports, uploads
from catalog.services.found_files import Found

from .conftest import without_rights


@pytest.fixture
def folder(settings, picture) -> Path:
    """Within the import root: four pictures in three folders, a text, and what is passed over."""
    top = settings.IMPORT_ROOT / "pictures"
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
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    return top


def zipped(path: Path, files: dict, **options) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def take_in(*paths: Path, **options) -> dict[str, str]:
    """The outcome of each file by its name, with the sentence of those that were refused."""
    return {
        outcome.name: outcome.reason or outcome.kind.value
        for outcomes in imports.take_in(found_files.find(paths), **options)
        for outcome in outcomes
    }


def begin(settings, **source) -> Import:
    return imports.begin(**{"collection": None, "from_folders": False, "user": None, **source})


def outcomes(run: Import) -> dict[str, tuple[str, str]]:
    return {name: (outcome, reason) for name, outcome, reason in run.files.values_list("name", "outcome", "reason")}


def test_a_folder_is_taken_in_with_all_below_it_but_what_is_hidden(db, folder):
    refusal = "This is not a picture, whatever its name says. JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC are taken."
    assert take_in(folder) == {
        "a.jpg": "added",
        "bags/b.jpg": "added",
        "bags/c.png": "added",
        "cups/d.jpg": "added",
        "cups/notes.txt": refusal,
    }
    assert Image.objects.count() == 4


def test_what_is_counted_is_what_is_found(folder, tmp_path, picture):
    archive = zipped(tmp_path / "more.zip", {"x.jpg": picture(8), "y/z.jpg": picture(9)})
    paths = [folder, archive, folder / "a.jpg"]
    assert found_files.count(paths) == len(list(found_files.find(paths))) == 8


def test_the_same_folder_again_changes_nothing(db, folder):
    take_in(folder)
    assert sorted(take_in(folder).values())[-4:] == ["duplicate"] * 4
    assert Image.objects.count() == 4


def test_a_single_file_is_taken_in_under_its_own_name(db, folder):
    assert take_in(folder / "bags" / "b.jpg") == {"b.jpg": "added"}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_an_archive_is_taken_in_by_its_entries(db, folder, tmp_path, kind):
    import tarfile

    path = tmp_path / f"pictures.{kind}"
    if kind == "zip":
        zipped(path, {"bags/b.jpg": (folder / "bags/b.jpg").read_bytes(), "a.jpg": (folder / "a.jpg").read_bytes()})
    else:
        with tarfile.open(path, f"w:{kind[4:]}") as archive:
            for name in ("bags/b.jpg", "a.jpg"):
                archive.add(folder / name, name)
    assert take_in(path, from_folders=True) == {"a.jpg": "added", "bags/b.jpg": "added"}
    assert Image.objects.get(source="bags/b.jpg").collection.name == "bags"


def test_collections_are_made_from_folders(db, folder):
    take_in(folder, from_folders=True)
    found = dict(Image.objects.values_list("source", "collection__name"))
    assert found == {"a.jpg": "pictures", "bags/b.jpg": "bags", "bags/c.png": "bags", "cups/d.jpg": "cups"}
    assert Collection.objects.count() == 3


def test_one_collection_holds_all_when_it_is_named(db, folder):
    take_in(folder, collection=uploads.collection_named(" Everything "))
    assert set(Image.objects.values_list("collection__name", flat=True)) == {"Everything"}


def test_a_path_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(FolderRefused, match=r"gone does not exist\."):
        list(found_files.find([tmp_path / "gone"]))


def test_an_unreadable_folder_is_told_and_the_others_go_on(folder, open_folder):
    (open_folder / "closed").mkdir()
    (open_folder / "seen.jpg").write_bytes((folder / "a.jpg").read_bytes())
    (open_folder / "seen.jpg").chmod(0o644)
    (open_folder / "closed").chmod(0)

    def read_all() -> str:
        told: dict[str, object] = {}
        for found in found_files.find([open_folder]):
            try:
                told[found.name] = len(found.read())
            except Exception as fault:
                told[found.name] = str(fault)
        return json.dumps(told)

    closed = str(open_folder / "closed")
    told = json.loads(without_rights(read_all))
    assert told.pop("seen.jpg") > 0
    assert told == {closed: f"{closed} cannot be read: Permission denied."}


def test_an_unreadable_file_is_refused_with_its_path(open_folder, picture):
    closed = open_folder / "closed.jpg"
    closed.write_bytes(picture(1))
    closed.chmod(0)
    told = without_rights(lambda: next(found_files.find([closed])).read())
    assert told == f"PictureRefused: {closed} cannot be read: Permission denied."


def test_a_dangling_link_is_refused_and_the_others_go_on(db, folder):
    (folder / "dangling.jpg").symlink_to(folder / "nowhere")
    told = take_in(folder)
    assert told["dangling.jpg"] == f"{folder / 'dangling.jpg'} cannot be read: No such file or directory."
    assert told["a.jpg"] == "added"


def test_a_link_that_leads_around_in_a_circle_ends(db, folder):
    (folder / "bags" / "around").symlink_to(folder)
    assert len(take_in(folder)) == 5


def test_a_pipe_is_refused_and_not_waited_for(db, folder):
    os.mkfifo(folder / "pipe.jpg")
    assert take_in(folder)["pipe.jpg"] == f"{folder / 'pipe.jpg'} is a pipe, not a file."


def test_a_file_over_the_limit_is_not_read_whole(db, folder, settings):
    settings.MAX_UPLOAD_BYTES = 1000
    assert "1,000 are taken at most" in take_in(folder / "a.jpg")["a.jpg"]


@pytest.fixture
def mixed_zip(tmp_path, picture) -> Path:
    """Every bad entry there is, among good ones."""
    link = zipfile.ZipInfo("link.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.jpg", picture(9))
    path = zipped(
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
    return locked(path, b"locked.jpg")


def locked(path: Path, name: bytes) -> Path:
    """Mark an entry as encrypted, in its own header and in the directory's."""
    data = bytearray(path.read_bytes())
    for signature, flags, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            if data[at + name_at : at + name_at + len(name)] == name:
                data[at + flags] |= 1
    path.write_bytes(data)
    return path


def test_every_bad_entry_of_a_zip_has_its_own_sentence_and_the_good_ones_come_in(db, mixed_zip):
    told = take_in(mixed_zip)
    assert told.pop("good.jpg") == told.pop("zlast.jpg") == "added"
    sentences = {
        "etc/absolute.jpg": "points outside the archive",
        "outside.jpg": "points outside the archive",
        "inner.zip": "is an archive inside the archive",
        "link.jpg": "is a link or a device",
        "bomb.png": "unpacks to more than 200 times its length",
        "broken.jpg": "ends in the middle",
        "locked.jpg": "is locked with a password",
    }
    assert set(told) == set(sentences)
    for name, sentence in sentences.items():
        assert sentence in told[name]
    assert Image.objects.count() == 2


def test_a_zip_of_a_hundred_thousand_entries_is_refused_as_a_whole(db, tmp_path):
    path = zipped(tmp_path / "many.zip", {f"{number}": b"" for number in range(100_000)})
    with pytest.raises(ArchiveRefused, match=r"more than 20,000 entries\. Split it into smaller ones"):
        take_in(path)
    assert not Image.objects.exists()


def kinds_by_handful(found, **options) -> list[list[str]]:
    return [[outcome.kind.value for outcome in outcomes] for outcomes in imports.take_in(found, **options)]


def found_in_memory(*files: bytes, read=lambda: None) -> Iterator[Found]:
    def reading(data: bytes) -> bytes:
        read()
        return data

    return (Found(f"{number}.jpg", "", partial(reading, data)) for number, data in enumerate(files))


def test_the_same_bytes_within_a_handful_and_in_others_are_added_once(db, picture, monkeypatch):
    monkeypatch.setattr(imports, "HANDFUL", 3)
    one, two, three = map(picture, range(3))
    told = kinds_by_handful(found_in_memory(one, one, two, two, three, b"words", one))
    assert told == [["added", "duplicate", "added"], ["duplicate", "added", "refused"], ["duplicate"]]
    assert Image.objects.count() == 3


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_no_file_is_left_out_however_many_there_are(db, picture, monkeypatch, count):
    monkeypatch.setattr(imports, "HANDFUL", 2)
    told = kinds_by_handful(found_in_memory(*map(picture, range(count))))
    assert list(map(len, told)) == [2] * (count // 2) + [1] * (count % 2)
    assert set(chain(*told)) == {"added"}


def test_no_more_than_two_handfuls_are_in_memory(db, picture, monkeypatch):
    monkeypatch.setattr(imports, "HANDFUL", 2)
    read, told, most = [], 0, 0
    for outcomes in imports.take_in(found_in_memory(*map(picture, range(11)), read=lambda: read.append(1))):
        most = max(most, len(read) - told)
        told += len(outcomes)
    assert (told, most) == (11, 4)


def test_a_handful_of_large_files_is_a_small_one(db, picture, monkeypatch):
    monkeypatch.setattr(imports, "READ_AT_ONCE", 2)
    monkeypatch.setattr(imports, "HANDFUL_BYTES", 1)
    told = kinds_by_handful(found_in_memory(*map(picture, range(5))))
    assert list(map(len, told)) == [2, 2, 1]


def test_what_was_found_before_a_fault_comes_in(db, picture):
    def found() -> Iterator[Found]:
        yield from found_in_memory(picture(1), picture(2))
        raise ArchiveRefused("The archive ends here.")

    told: list[str] = []
    with pytest.raises(ArchiveRefused, match="ends here"):
        told.extend(outcome.name for outcomes in imports.take_in(found()) for outcome in outcomes)
    assert told == ["0.jpg", "1.jpg"]
    assert Image.objects.count() == 2


def test_what_others_added_does_not_wait_for_a_long_import_to_end(db, settings, folder, picture, monkeypatch):
    other = uploads.add(picture(9), "other.jpg").image
    monkeypatch.setattr(imports, "HANDFUL", 1)
    monkeypatch.setattr(imports, "DESCRIBES_OTHERS_EVERY", 1)
    statuses, tell = [], imports._tell

    def look(run, outcomes):
        statuses.append(Image.objects.get(pk=other.pk).status)
        tell(run, outcomes)

    monkeypatch.setattr(imports, "_tell", look)
    imports.run(begin(settings, folder=folder).pk)
    assert statuses == ["pending", *["indexed"] * 4]


def test_an_admins_import_runs_to_its_end_with_an_outcome_for_each_file(db, settings, folder):
    run = begin(settings, folder=folder, from_folders=True)
    assert run.state == Import.State.WAITING
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.found, run.claim) == (Import.State.DONE, 5, "")
    told = outcomes(run)
    assert [outcome for outcome, _ in told.values()] == ["added", "added", "added", "added", "refused"]
    assert told["cups/notes.txt"][1].startswith("This is not a picture")
    assert Image.objects.indexed().count() == 4
    assert run.files.get(name="bags/b.jpg").image.collection.name == "bags"


def test_an_archive_that_was_sent_is_taken_in_and_removed(db, settings, mixed_zip):
    run = begin(settings, archive=SimpleUploadedFile("mixed.zip", mixed_zip.read_bytes()))
    assert len(list(settings.IMPORTS_DIR.iterdir())) == 1
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.name, run.found) == (Import.State.DONE, "mixed.zip", 9)
    assert [outcome for outcome, _ in outcomes(run).values()].count("added") == 2
    assert list(settings.IMPORTS_DIR.iterdir()) == []


def test_an_archive_that_is_none_ends_its_import_with_the_reason(db, settings, tmp_path):
    path = zipped(tmp_path / "x.zip", {"a.jpg": b"a" * 5000})
    run = begin(settings, archive=SimpleUploadedFile("x.zip", path.read_bytes()[:-30]))
    imports.run(run.pk)
    run.refresh_from_db()
    assert run.state == Import.State.FAILED
    assert run.failure_reason == "The archive is damaged or ends too early. Copy or send it again, whole."


def test_a_folder_that_went_away_ends_its_import_with_the_reason(db, settings, folder, tmp_path):
    run = begin(settings, folder=folder)
    folder.rename(tmp_path / "elsewhere")
    imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.failure_reason) == (Import.State.FAILED, f"{folder} does not exist.")


def test_an_import_goes_on_where_it_was_left(db, settings, folder, monkeypatch):
    """Its worker was stopped after three files; on a second run none of them is taken in again."""
    run = begin(settings, folder=folder)
    monkeypatch.setattr(imports, "HANDFUL", 1)
    tell = imports._tell

    def stop_after_three(run, outcomes):
        if run.files.count() == 3:
            raise KeyboardInterrupt
        tell(run, outcomes)

    with monkeypatch.context() as stopping:
        stopping.setattr(imports, "_tell", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            imports.run(run.pk)
    assert run.files.count() == 3
    run.refresh_from_db()
    assert (run.state, run.claim) == (Import.State.RUNNING, "")

    imports.run_waiting()
    run.refresh_from_db()
    assert run.state == Import.State.DONE
    assert list(run.files.values_list("position", flat=True)) == [0, 1, 2, 3, 4]
    assert Image.objects.count() == 4


def test_an_import_whose_worker_was_killed_is_finished_by_the_next(installation, folder):
    begun = "from pathlib import Path\nfrom catalog.models import *\nfrom catalog.services import imports\n"
    there = shutil.copytree(folder, installation.folder / "import" / "pictures")
    killed = installation.start(
        begun + f"run = imports.begin(folder=Path({str(there)!r}), collection=None, from_folders=False, user=None)\n"
        "import os, signal\n"
        "imports.HANDFUL = 1\n"
        "tell = imports._tell\n"
        "def die(run, outcomes):\n"
        "    if run.files.count() == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    tell(run, outcomes)\n"
        "imports._tell = die\n"
        "imports.run(run.pk)"
    )
    killed.communicate()
    assert killed.returncode == -9
    assert installation.run(
        begun + "before = ImportedFile.objects.count()\n"
        "imports.run_waiting()\n"
        "run = Import.objects.get()\n"
        "print([before, ImportedFile.objects.count(), Image.objects.indexed().count(), 0 + (run.state == 'done')])"
    ) == [2, 5, 4, 1]


def test_an_import_that_somebody_is_at_is_left_alone(db, settings, folder):
    run = begin(settings, folder=folder)
    with claims.owner(Import) as owner:
        assert claims.claim(Import.objects.all(), owner, 1) == [run]
        imports.run_waiting()
        assert not run.files.exists()


def test_an_import_that_is_done_is_not_run_again(db, settings, folder):
    run = begin(settings, folder=folder)
    imports.run(run.pk)
    Image.objects.all().delete()
    imports.run(run.pk)
    assert not Image.objects.exists()


def test_an_import_that_was_deleted_ends_quietly(db):
    imports.run(4711)


def test_a_full_disk_leaves_the_import_waiting_with_the_reason(db, settings, folder, monkeypatch):
    run = begin(settings, folder=folder)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as filling:
        filling.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable):
            imports.run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.claim) == (Import.State.WAITING, "")
    assert "No space left on device" in run.failure_reason
    imports.run_waiting()
    run.refresh_from_db()
    assert (run.state, run.failure_reason) == (Import.State.DONE, "")


def test_an_archive_that_cannot_be_kept_begins_no_import(db, settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.IMPORTS_DIR = tmp_path / "file" / "imports"
    with pytest.raises(StoreUnavailable, match="The archive cannot be kept below"):
        begin(settings, archive=SimpleUploadedFile("x.zip", b"PK"))
    assert not Import.objects.exists()


def test_a_worker_is_told_of_an_import(db, settings, folder, monkeypatch, django_capture_on_commit_callbacks):
    told = []
    monkeypatch.setattr("catalog.services.hints._send", lambda task, *args: told.append((task.name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        run = begin(settings, folder=folder)
    assert told == [("catalog.tasks.run_import", (run.pk,))]


def test_archives_that_no_import_waits_for_are_swept_after_a_day(db, settings):
    kept = begin(settings, archive=SimpleUploadedFile("x.zip", b"PK"))
    begun, left = settings.IMPORTS_DIR / "just-sent.archive", settings.IMPORTS_DIR / "left.archive"
    for path in (begun, left):
        path.write_bytes(b"PK")
    for path in (left, settings.IMPORTS_DIR / kept.archive):
        os.utime(path, (0, time.time() - 25 * 3600))
    assert imports.sweep() == 1
    assert {path.name for path in settings.IMPORTS_DIR.iterdir()} == {begun.name, kept.archive}


@pytest.mark.parametrize("raw", ["", ".", "bags", "  bags  ", "bags/../bags"])
def test_a_folder_within_the_root_is_allowed(settings, raw):
    (settings.IMPORT_ROOT / "bags").mkdir()
    assert found_files.within_import_root(raw).is_relative_to(settings.IMPORT_ROOT)


@pytest.mark.parametrize("raw", ["..", "/etc", "bags/../../x", "link"])
def test_a_folder_outside_the_root_is_refused(settings, raw):
    (settings.IMPORT_ROOT / "bags").mkdir()
    (settings.IMPORT_ROOT / "link").symlink_to("/etc")
    with pytest.raises(FolderRefused, match="the only place on the server that pictures are imported from"):
        found_files.within_import_root(raw)


@pytest.mark.parametrize("raw", ["gone", "nul\x00", "x" * 300, "file.jpg"])
def test_a_folder_that_is_not_there_is_refused(settings, raw):
    (settings.IMPORT_ROOT / "file.jpg").write_bytes(b"")
    with pytest.raises(FolderRefused, match="There is no folder"):
        found_files.within_import_root(raw)


def test_a_folder_that_cannot_be_read_is_refused(settings, open_folder):
    settings.IMPORT_ROOT = open_folder
    (open_folder / "closed").mkdir(mode=0)
    told = without_rights(lambda: found_files.within_import_root("closed"))
    assert told.endswith("closed cannot be read by the user that runs this site.")
