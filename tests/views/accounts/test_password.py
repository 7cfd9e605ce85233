"""The page on which people change their own password."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from catalog.models import AuditEntry

pytestmark = pytest.mark.django_db

PASSWORD_URL = "/accounts/password/"
OLD, NEW = "a long enough word", "another long word"


def change(client: Client, old: str, new: str, again: str):
    return client.post(PASSWORD_URL, {"old_password": old, "new_password1": new, "new_password2": again}, follow=True)


def test_a_user_without_staff_rights_changes_the_password(client, uploader):
    client.force_login(uploader)
    other_device = Client()
    other_device.force_login(uploader)
    assert PASSWORD_URL in client.get("/").content.decode()
    page = change(client, OLD, NEW, NEW)
    assert "Your password was changed" in page.content.decode()
    assert page.context["user"] == uploader, "this device stays signed in"
    assert not other_device.get("/").context["user"].is_authenticated
    assert User.objects.get().check_password(NEW)
    entry = AuditEntry.objects.first()
    assert (entry.action, entry.object_id, entry.user) == (AuditEntry.Action.CHANGED, uploader.pk, uploader)


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", NEW, NEW), (OLD, NEW, "something else"), (OLD, "12345678", "12345678")]
)
def test_a_wrong_or_weak_password_changes_nothing(client, uploader, old, new, again):
    client.force_login(uploader)
    assert 'class="errorlist' in change(client, old, new, again).content.decode()
    assert User.objects.get().check_password(OLD)
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.CHANGED).exists()


def test_visitors_sign_in_first(client):
    assert client.get(PASSWORD_URL).url == f"{reverse('login')}?next={PASSWORD_URL}"


def test_guessing_the_old_password_is_throttled(client, uploader, settings):
    settings.LOGINS_PER_MINUTE = 3
    cache.clear()
    client.force_login(uploader)
    statuses = [change(client, "guess", NEW, NEW).status_code for _ in range(8)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
