"""Bulk imports in the admin: begun with a form, run by a worker, followed on a page."""

import io
import zipfile

import pytest
from django.urls import reverse

from catalog.models import Collection, Image, Import, ImportedFile
from catalog.services import imports
from tests.pages.bad_pictures import REFUSED
from tests.pages.conftest import file_of

ADD = "/admin/catalog/import/add/"


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def begin(client, **form: object):
    return client.post(ADD, form)


def page_of(client, run: Import):
    return client.get(reverse("admin:catalog_import_change", args=[run.pk]))


def test_an_archive_is_imported_with_a_reason_for_every_file_that_is_refused(admin, picture):
    bad = {name: data for name, data, _ in REFUSED.values() if len(data) < 100_000}
    archive = zipped({"a/1.jpg": picture(1), "a/2.jpg": picture(2), "a/again.jpg": picture(1), **bad})
    answer = begin(admin, archive=file_of(archive, "bags.zip"))
    run = Import.objects.get()
    assert answer.url == reverse("admin:catalog_import_change", args=[run.pk])
    waiting = page_of(admin, run)
    assert "Waiting for a worker" in waiting.content.decode()
    assert waiting["Refresh"]
    imports.run(run.pk)
    done = page_of(admin, run)
    page = done.content.decode()
    assert "Refresh" not in done.headers
    assert Image.objects.indexed().count() == 2
    assert run.files.filter(outcome="duplicate").count() == 1
    for name, _, words in (one for one in REFUSED.values() if one[0] in bad):
        assert name in page
        assert words in page


def test_a_folder_below_the_allowed_root_is_imported(admin, picture, settings):
    folder = settings.IMPORT_ROOT / "spring"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(picture(1))
    begin(admin, folder="spring", collections_from_folders="on")
    imports.run_waiting()
    assert Image.objects.get().collection.name == "spring"
    assert Import.objects.get().state == "done"


def test_a_folder_outside_the_allowed_root_is_refused(admin, settings, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (settings.IMPORT_ROOT / "link").symlink_to(outside)
    for folder in ("/etc", "../outside", str(outside), "link", "link/..", "a/../../outside"):
        answer = begin(admin, folder=folder)
        assert "lies outside" in answer.content.decode(), folder
    assert not Import.objects.exists()


def test_a_link_inside_a_folder_does_not_lead_out_of_the_root(admin, picture, settings, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "1.jpg").write_bytes(picture(1))
    folder = settings.IMPORT_ROOT / "spring"
    folder.mkdir()
    (folder / "folder").symlink_to(tmp_path / "secret")
    (folder / "file.jpg").symlink_to(tmp_path / "secret" / "1.jpg")
    begin(admin, folder="spring")
    imports.run_waiting()
    assert not Image.objects.exists()
    page = page_of(admin, Import.objects.get()).content.decode()
    assert "is a link that leads out of" in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"folder": ""}, "one of the two"),
        ({"folder": "nowhere"}, "There is no folder"),
        ({"folder": "a\0b"}, "Null characters"),
        ({"folder": "x" * 5000}, "at most"),
        ({"folder": "x" * 300}, "no folder"),
        ({"folder": ".", "collection": "987654"}, "Select a valid choice"),
        ({"folder": ".", "collection": "\0"}, "errorlist"),
    ],
)
def test_a_form_that_is_wrong_says_what_to_do(admin, form, words):
    answer = begin(admin, **form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Import.objects.exists()


def test_an_archive_and_a_folder_at_once_are_one_too_many(admin, picture):
    answer = begin(admin, folder=".", archive=file_of(zipped({"1.jpg": picture(1)}), "a.zip"))
    assert "one of the two" in answer.content.decode()


def test_what_is_no_archive_fails_with_a_reason(admin):
    begin(admin, archive=file_of(b"Dear madam,", "letter.zip"))
    imports.run_waiting()
    run = Import.objects.get()
    assert (run.state, bool(run.failure_reason)) == ("failed", True)
    assert run.failure_reason in page_of(admin, run).content.decode().replace("&#x27;", "'")


def test_one_picture_is_no_archive(admin, picture):
    begin(admin, archive=file_of(picture(1), "one.jpg"))
    imports.run_waiting()
    run = Import.objects.get()
    assert run.state == "failed"
    assert run.failure_reason == "one.jpg is neither a ZIP nor a TAR file. Pack the pictures into one."


def test_many_refused_files_are_shown_a_page_at_a_time(admin, keeper):
    run = Import.objects.create(folder="/x", name="x", state="done", created_by=keeper, found=1000)
    ImportedFile.objects.bulk_create(
        ImportedFile(run=run, name=f"{number:04}.txt", position=number, outcome="refused", reason="No picture.")
        for number in range(5000)
    )
    address = reverse("admin:catalog_import_change", args=[run.pk])
    assert "0199.txt" in admin.get(address).content.decode()
    assert "0200.txt" in admin.get(address, {"page": 2}).content.decode()
    for page in ("x", "0", "999", "\0"):
        assert admin.get(address, {"page": page}).status_code == 200
    assert admin.get(address).content.decode().count("?page=") < 12


def test_imports_are_listed(admin, keeper):
    Import.objects.create(folder="/x", name="spring pictures", created_by=keeper)
    assert "spring pictures" in admin.get("/admin/catalog/import/").content.decode()


@pytest.mark.parametrize("pk", ["0", "987654", "x", "9" * 40, "_00"])
def test_an_import_that_is_not_there_is_not_found(admin, pk):
    assert admin.get(f"/admin/catalog/import/{pk}/change/").status_code == 404


def test_beginning_an_import_needs_both_rights(staff, picture):
    for rights in ((), ("add_import",), ("add_image",), ("view_import",)):
        client = staff(*rights)
        assert client.get(ADD).status_code == 403, rights
        assert begin(client, archive=file_of(zipped({"1.jpg": picture(1)}), "a.zip")).status_code == 403, rights
        client.session.flush()
        from django.contrib.auth.models import User

        User.objects.all().delete()
    assert not Import.objects.exists()


def test_whoever_may_begin_an_import_may_follow_it(staff, picture):
    client = staff("add_import", "add_image", "view_import")
    answer = client.post(ADD, {"archive": file_of(zipped({"1.jpg": picture(1)}), "a.zip")}, follow=True)
    assert answer.status_code == 200
    assert "Waiting for a worker" in answer.content.decode()


def test_an_import_that_is_under_way_cannot_be_deleted_but_a_finished_one_can(admin, keeper):
    running = Import.objects.create(folder="/x", name="x", state="running", created_by=keeper)
    done = Import.objects.create(folder="/x", name="y", state="done", created_by=keeper)
    for run, status in ((running, 403), (done, 302)):
        address = reverse("admin:catalog_import_delete", args=[run.pk])
        assert admin.post(address, {"post": "yes"}).status_code == status
    assert list(Import.objects.all()) == [running]


def test_an_import_goes_into_the_chosen_collection(admin, picture):
    bags = Collection.objects.create(name="Bags")
    begin(admin, archive=file_of(zipped({"x/1.jpg": picture(1)}), "a.zip"), collection=bags.pk)
    imports.run_waiting()
    assert Image.objects.get().collection == bags
