"""The audit log."""

import getpass
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from catalog.models import AuditEntry, Image
from catalog.services.accounts import audit
from catalog.services.accounts.actor import Actor, acting_as
from catalog.services.accounts.audit import Action
from catalog.services.index import rebuild_queue, rebuilding
from catalog.services.index.training.code_specs import DEFAULT_CODES
from catalog.services.ingest import imports, uploads
from catalog.services.media import deletion
from tests.api.conftest import token_headers
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


def entries(*actions: Action) -> list[tuple]:
    """The entries of these actions, oldest first."""
    rows = AuditEntry.objects.filter(action__in=actions).order_by("pk")
    return [(row.action, row.user_name, row.origin, row.address, row.target, row.count) for row in rows]


def test_uploads_name_account_address_and_image(client, uploader, picture):
    client.force_login(uploader)
    client.post("/upload/", {"files": [uploaded_file(picture(1), "a.jpg"), uploaded_file(picture(1), "b.jpg")]})
    image = Image.objects.get()
    assert entries(Action.ADDED) == [("added", "ursula", "page", "127.0.0.1", f"image {image.pk} a.jpg", 1)]
    assert AuditEntry.objects.get(action=Action.ADDED).user == uploader


def test_acts_of_a_token_name_its_account(client, superuser, picture):
    headers = token_headers("karl", "write") | {"X-Request-ID": "request-7"}
    client.post("/api/images", {"files": uploaded_file(picture(1), "a.jpg")}, headers=headers)
    pk = Image.objects.get().pk
    client.delete(f"/api/images/{pk}", headers=headers)
    target = f"image {pk} a.jpg"
    assert entries(Action.ADDED, Action.DELETED) == [
        ("added", "karl", "api", "127.0.0.1", target, 1),
        ("deleted", "karl", "api", "127.0.0.1", target, 1),
    ]
    assert set(AuditEntry.objects.filter(origin="api").values_list("request_id", flat=True)) == {"request-7"}


def test_an_act_that_fails_leaves_no_entry(catalogue):
    before = AuditEntry.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        deletion.delete(Image.objects.all())
        assert AuditEntry.objects.count() == before + 1
        _ = 1 / 0
    assert (AuditEntry.objects.count(), Image.objects.count()) == (before, 6)


def test_a_bulk_import_is_one_entry_of_who_requested_it(settings, superuser, picture):
    settings.BATCH_SIZE = 2
    for number in range(5):
        (settings.IMPORT_ROOT / f"{number}.jpg").write_bytes(picture(number))
    with acting_as(Actor("admin", "192.0.2.7", "request-9", user=superuser)):
        run = imports.enqueue(folder=settings.IMPORT_ROOT, collection=None, from_folders=False, user=superuser)
    imports.run(run.pk)
    (entry,) = AuditEntry.objects.filter(action__in=[Action.IMPORTED, Action.ADDED])
    assert (entry.action, entry.user, entry.address, entry.count) == ("imported", superuser, "192.0.2.7", 5)
    assert (entry.object_type, entry.object_id) == ("import", run.pk)


def test_an_import_by_a_command_names_the_user_of_the_system(tmp_path, picture, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    call_command("import_images", folder, "--no-wait")
    assert entries(*Action) == [("imported", getpass.getuser(), "command", "", str(folder), 2)]


def test_a_rebuild_names_who_requested_it(superuser, catalogue):
    with acting_as(Actor("admin", "192.0.2.7", user=superuser)):
        rebuild_queue.enqueue(code_spec=DEFAULT_CODES, user=superuser)
    rebuild_queue.run_waiting()
    rebuilding.rollback()
    described = [(action, name, origin) for action, name, origin, *_ in entries(*Action)[-3:]]
    assert described == [
        ("requested", "karl", "admin"),
        ("rebuilt", "karl", "worker"),
        ("rolled back", "", "worker"),
    ]


def test_signing_in_and_out_and_failing_to_are_recorded(client, uploader):
    form = {"username": "ursula", "password": "a long enough word"}
    client.post("/accounts/login/", form | {"password": "wrong"})
    client.post("/accounts/login/", form | {"password": "wrong again"})
    client.post("/accounts/login/", form | {"username": "nobody"})
    client.post("/accounts/login/", form)
    client.post("/accounts/logout/")
    assert entries(*Action) == [
        ("sign-in failed", "", "page", "127.0.0.1", "ursula", 2),
        ("sign-in failed", "", "page", "127.0.0.1", "nobody", 1),
        ("signed in", "ursula", "page", "127.0.0.1", "ursula", 1),
        ("signed out", "ursula", "page", "127.0.0.1", "ursula", 1),
    ]
    assert "wrong" not in str(list(AuditEntry.objects.values_list()))


def test_entries_outlive_their_account(client, uploader):
    client.post("/accounts/login/", {"username": "ursula", "password": "a long enough word"})
    uploader.delete()
    (entry,) = AuditEntry.objects.all()
    assert (entry.user, entry.user_name) == (None, "ursula")


def test_old_entries_are_deleted(settings):
    settings.AUDIT_DAYS = 30
    audit.record(Action.ADDED, target="new")
    old = audit.record(Action.ADDED, target="old")
    AuditEntry.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=31))
    assert audit.delete_old() == 1
    assert AuditEntry.objects.get().target == "new"


def test_whoever_guesses_passwords_displaces_no_other_entries(monkeypatch):
    monkeypatch.setattr(audit, "MAX_FAILURES", 3)
    audit.record(Action.DELETED, target="an image")
    for number in range(5):
        audit.record_failed_sign_in(f"name {number}")
    assert audit.delete_old() == 2
    kept = AuditEntry.objects.order_by("pk").values_list("target", flat=True)
    assert list(kept) == ["an image", "name 2", "name 3", "name 4"]


def test_long_names_are_shortened(catalogue):
    Image.objects.update(title="x" * 200)
    deletion.delete(Image.objects.all())
    (entry,) = AuditEntry.objects.filter(action=Action.DELETED)
    assert (entry.count, len(entry.target)) == (6, audit.MAX_TARGET_LENGTH)
    Client().post("/accounts/login/", {"username": "y" * 1000, "password": "z"})


def test_an_upload_without_new_images_is_no_entry(catalogue, picture):
    before = AuditEntry.objects.count()
    uploads.add_picture(picture(0), "again.jpg")
    assert AuditEntry.objects.count() == before
