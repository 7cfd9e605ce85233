"""Bulk imports in the admin: the form that starts one, and the page that shows its progress."""

import html
import io
import zipfile

import pytest
from django.urls import reverse

from catalog.models import Collection, Image, Import, ImportedFile
from catalog.services.ingest import imports
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.views.conftest import uploaded_file

ADD_URL = "/admin/catalog/import/add/"


def create_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def start_import(client, **form: object):
    return client.post(ADD_URL, form)


def import_page(client, bulk_import: Import):
    return client.get(reverse("admin:catalog_import_change", args=[bulk_import.pk]))


def test_archive_is_imported_with_reason_for_every_rejected_file(admin, picture):
    bad = {name: data for name, data, _ in REJECTED_FILES.values() if len(data) < 100_000}
    archive = create_zip({"a/1.jpg": picture(1), "a/2.jpg": picture(2), "a/again.jpg": picture(1), **bad})
    response = start_import(admin, archive=uploaded_file(archive, "bags.zip"))
    bulk_import = Import.objects.get()
    assert response.url == reverse("admin:catalog_import_change", args=[bulk_import.pk])
    waiting = import_page(admin, bulk_import)
    assert "Waiting for a worker" in waiting.content.decode()
    assert waiting["Refresh"]
    imports.run(bulk_import.pk)
    done = import_page(admin, bulk_import)
    page = html.unescape(done.content.decode())
    assert "Refresh" not in done.headers
    assert Image.objects.indexed().count() == 2
    assert bulk_import.files.filter(outcome="duplicate").count() == 1
    for name, _, words in (one for one in REJECTED_FILES.values() if one[0] in bad):
        assert name in page
        assert words in page


def test_folder_below_allowed_root_is_imported(admin, picture, settings):
    folder = settings.IMPORT_ROOT / "spring"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(picture(1))
    start_import(admin, folder="spring", collections_from_folders="on")
    imports.run_waiting()
    assert Image.objects.get().collection.name == "spring"
    assert Import.objects.get().state == "done"


def test_folder_outside_allowed_root_is_rejected(admin, settings, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (settings.IMPORT_ROOT / "link").symlink_to(outside)
    for folder in ("/etc", "../outside", str(outside), "link", "link/..", "a/../../outside"):
        response = start_import(admin, folder=folder)
        assert "is outside" in response.content.decode(), folder
    assert not Import.objects.exists()


def test_links_inside_folder_are_not_followed_out_of_root(admin, picture, settings, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "1.jpg").write_bytes(picture(1))
    folder = settings.IMPORT_ROOT / "spring"
    folder.mkdir()
    (folder / "folder").symlink_to(tmp_path / "secret")
    (folder / "file.jpg").symlink_to(tmp_path / "secret" / "1.jpg")
    start_import(admin, folder="spring")
    imports.run_waiting()
    assert not Image.objects.exists()
    page = import_page(admin, Import.objects.get()).content.decode()
    assert "is a link that leads outside" in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"folder": ""}, "either an archive or a folder"),
        ({"folder": "nowhere"}, "does not exist on the server"),
        ({"folder": "a\0b"}, "Null characters"),
        ({"folder": "x" * 5000}, "at most"),
        ({"folder": "x" * 300}, "does not exist"),
        ({"folder": ".", "collection": "987654"}, "Select a valid choice"),
        ({"folder": ".", "collection": "\0"}, "errorlist"),
    ],
)
def test_invalid_form_shows_how_to_fix_it(admin, form, words):
    response = start_import(admin, **form)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Import.objects.exists()


def test_archive_and_folder_together_are_rejected(admin, picture):
    response = start_import(admin, folder=".", archive=uploaded_file(create_zip({"1.jpg": picture(1)}), "a.zip"))
    assert "either an archive or a folder" in response.content.decode()


def test_invalid_archive_fails_with_reason(admin):
    start_import(admin, archive=uploaded_file(b"Dear madam,", "letter.zip"))
    imports.run_waiting()
    bulk_import = Import.objects.get()
    assert (bulk_import.state, bool(bulk_import.failure_reason)) == ("failed", True)
    assert bulk_import.failure_reason in html.unescape(import_page(admin, bulk_import).content.decode())


def test_single_picture_is_not_accepted_as_archive(admin, picture):
    start_import(admin, archive=uploaded_file(picture(1), "one.jpg"))
    imports.run_waiting()
    bulk_import = Import.objects.get()
    assert bulk_import.state == "failed"
    assert bulk_import.failure_reason == "one.jpg is not a ZIP or TAR file. Pack the pictures into a ZIP or TAR file."


def test_rejected_files_are_paginated(admin, superuser):
    bulk_import = Import.objects.create(folder="/x", name="x", state="done", created_by=superuser, file_count=1000)
    ImportedFile.objects.bulk_create(
        ImportedFile(
            bulk_import=bulk_import,
            name=f"{number:04}.txt",
            position=number,
            outcome="rejected",
            reason="Not a picture.",
        )
        for number in range(5000)
    )
    url = reverse("admin:catalog_import_change", args=[bulk_import.pk])
    assert "0199.txt" in admin.get(url).content.decode()
    assert "0200.txt" in admin.get(url, {"page": 2}).content.decode()
    for page in ("x", "0", "999", "\0"):
        assert admin.get(url, {"page": page}).status_code == 200
    assert admin.get(url).content.decode().count("?page=") < 12


def test_imports_are_listed(admin, superuser):
    Import.objects.create(folder="/x", name="spring pictures", created_by=superuser)
    assert "spring pictures" in admin.get("/admin/catalog/import/").content.decode()


@pytest.mark.parametrize("pk", ["0", "987654", "x", "9" * 40, "_00"])
def test_unknown_import_is_not_found(admin, pk):
    assert admin.get(f"/admin/catalog/import/{pk}/change/").status_code == 404


def test_starting_import_requires_both_permissions(staff, picture):
    for codenames in ((), ("add_import",), ("add_image",), ("view_import",)):
        client = staff(*codenames)
        assert client.get(ADD_URL).status_code == 403, codenames
        assert (
            start_import(client, archive=uploaded_file(create_zip({"1.jpg": picture(1)}), "a.zip")).status_code == 403
        ), codenames
        client.session.flush()
        from django.contrib.auth.models import User

        User.objects.all().delete()
    assert not Import.objects.exists()


def test_user_who_starts_import_can_view_it(staff, picture):
    client = staff("add_import", "add_image", "view_import")
    response = client.post(ADD_URL, {"archive": uploaded_file(create_zip({"1.jpg": picture(1)}), "a.zip")}, follow=True)
    assert response.status_code == 200
    assert "Waiting for a worker" in response.content.decode()


def test_running_import_cannot_be_deleted_but_finished_one_can(admin, superuser):
    running = Import.objects.create(folder="/x", name="x", state="running", created_by=superuser)
    done = Import.objects.create(folder="/x", name="y", state="done", created_by=superuser)
    for bulk_import, status in ((running, 403), (done, 302)):
        url = reverse("admin:catalog_import_delete", args=[bulk_import.pk])
        assert admin.post(url, {"post": "yes"}).status_code == status
    assert list(Import.objects.all()) == [running]


def test_import_adds_images_to_chosen_collection(admin, picture):
    collection = Collection.objects.create(name="Bags")
    start_import(admin, archive=uploaded_file(create_zip({"x/1.jpg": picture(1)}), "a.zip"), collection=collection.pk)
    imports.run_waiting()
    assert Image.objects.get().collection == collection
