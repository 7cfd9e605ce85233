"""The audit log in the admin, and the entries of changes in the admin."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from catalog.models import AuditEntry, Collection
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action
from tests.admin.conftest import run_action

pytestmark = pytest.mark.django_db

LIST = reverse("admin:catalog_auditentry_changelist")


def described() -> list[tuple]:
    """What the superuser did in the admin, oldest first."""
    return list(AuditEntry.objects.filter(user_name="karl").order_by("pk").values_list("action", "target", "count"))


def test_the_log_can_be_filtered_and_searched(admin):
    audit.record(Action.DELETED, target="image 7 bag.jpg")
    audit.record(Action.ADDED, target="image 8 shoe.jpg")
    assert "bag.jpg" in admin.get(LIST).content.decode()
    for query in ({"action__exact": "deleted"}, {"q": "bag"}):
        page = admin.get(LIST, query).content.decode()
        assert ("bag.jpg" in page, "shoe.jpg" in page) == (True, False), query


def test_the_log_cannot_be_changed(admin):
    entry = audit.record(Action.DELETED, target="image 7 bag.jpg")
    change = reverse("admin:catalog_auditentry_change", args=[entry.pk])
    assert "bag.jpg" in admin.get(change).content.decode()
    assert admin.post(change, {"target": "nothing"}).status_code == 403
    assert admin.get(reverse("admin:catalog_auditentry_add")).status_code == 403
    assert admin.post(reverse("admin:catalog_auditentry_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    admin.post(LIST, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.filter(pk=entry.pk, target="image 7 bag.jpg").exists()


def test_the_log_needs_its_permission(staff):
    assert staff("view_image").get(LIST).status_code == 403


def test_changes_in_the_admin_are_recorded(admin, catalogue):
    AuditEntry.objects.all().delete()
    admin.post(reverse("admin:catalog_collection_add"), {"name": "Bags"})
    collection = Collection.objects.get()
    url = reverse("admin:catalog_image_change", args=[catalogue[0].pk])
    admin.post(url, {"title": "New title", "source": "a.jpg", "collection": collection.pk})
    run_action(admin, "set_collection", catalogue[1:3], collection=collection.pk)
    run_action(admin, "delete_selected", catalogue[:2], post="yes")
    admin.post(reverse("admin:catalog_collection_delete", args=[collection.pk]), {"post": "yes"})
    first, second = catalogue[0].pk, catalogue[1].pk
    assert described() == [
        ("added", f"collection {collection.pk} Bags", 1),
        ("changed", f"image {first} New title", 1),
        ("changed", "collection of 2 images: Bags", 2),
        ("deleted", f"image {second} picture-1.jpg, image {first} New title", 2),
        ("deleted", f"collection {collection.pk} Bags", 1),
    ]


def test_changes_of_accounts_are_recorded(admin, superuser):
    AuditEntry.objects.all().delete()
    password = "a long enough word"
    form = {"username": "nora", "password1": password, "password2": password, "usable_password": "true"}
    admin.post(reverse("admin:auth_user_add"), form)
    nora = User.objects.get(username="nora")
    admin.post(reverse("admin:auth_user_password_change", args=[nora.pk]), form)
    admin.post(reverse("admin:auth_user_delete", args=[nora.pk]), {"post": "yes"})
    assert described() == [(action, f"user {nora.pk} nora", 1) for action in ("added", "changed", "deleted")]
