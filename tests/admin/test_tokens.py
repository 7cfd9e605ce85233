"""API tokens in the admin."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from catalog.models import ApiToken, AuditEntry
from catalog.services.accounts import tokens
from tests.api.conftest import bearer

pytestmark = pytest.mark.django_db

ADD, LIST = "admin:catalog_apitoken_add", "admin:catalog_apitoken_changelist"
ALL_PERMISSIONS = ("add_apitoken", "view_apitoken", "change_apitoken", "delete_apitoken")


def form(account: User, **changes: object) -> dict[str, object]:
    return {"user": account.pk, "name": "shop", "scopes": ["search", "read"], "days": 30, **changes}


def test_a_new_token_works_and_is_shown_once(admin, client, superuser, catalogue):
    response = admin.post(reverse(ADD), form(superuser))
    text = re.search(r"imagesearch_\w+", response.content.decode())[0]
    assert "no-store" in response["Cache-Control"]
    assert client.get("/api/images", headers=bearer(text)).status_code == 200
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, (token.expires_at - token.created_at).days) == ("shop", ["search", "read"], 29)
    for url in (reverse(LIST), reverse("admin:catalog_apitoken_change", args=[token.pk])):
        page = admin.get(url).content.decode()
        assert token.prefix in page
        assert text not in page
        assert token.digest not in page


@pytest.mark.parametrize("changes", [{"scopes": []}, {"scopes": ["all"]}, {"days": 0}, {"days": 9999}, {"user": 99}])
def test_bad_values_make_no_token(admin, superuser, changes):
    assert "errorlist" in admin.post(reverse(ADD), form(superuser, **changes)).content.decode()
    assert not ApiToken.objects.exists()


def test_staff_make_and_see_tokens_of_their_own_account_only(staff, superuser):
    client, karls = staff(*ALL_PERMISSIONS), tokens.create_token(superuser, ["admin"])[0]
    stella = User.objects.get(username="stella")
    assert "errorlist" in client.post(reverse(ADD), form(superuser)).content.decode()
    assert ApiToken.objects.count() == 1
    client.post(reverse(ADD), form(stella))
    assert set(ApiToken.objects.values_list("user__username", flat=True)) == {"karl", "stella"}
    assert karls.prefix not in client.get(reverse(LIST)).content.decode()
    client.post(reverse(LIST), {"action": "revoke", "_selected_action": [karls.pk]})
    karls.refresh_from_db()
    assert karls.revoked_at is None


def test_staff_without_permission_make_and_revoke_no_tokens(staff):
    client = staff("view_apitoken")
    stella = User.objects.get(username="stella")
    assert client.post(reverse(ADD), form(stella)).status_code == 403
    token, _ = tokens.create_token(stella, ["read"])
    client.post(reverse(LIST), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.is_valid()
    stella.user_permissions.add(Permission.objects.get(codename="change_apitoken"))
    client.post(reverse(LIST), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert not token.is_valid()


def test_revoked_tokens_stop_working(admin, client, superuser, catalogue):
    token, text = tokens.create_token(superuser, ["read"])
    page = admin.post(reverse(LIST), {"action": "revoke", "_selected_action": [token.pk]}, follow=True)
    assert "1 token revoked." in page.content.decode()
    assert client.get("/api/images", headers=bearer(text)).status_code == 401
    actions = AuditEntry.objects.order_by("pk").filter(object_type="apitoken").values_list("action", "user_name")
    assert list(actions) == [("token made", ""), ("token revoked", "karl")]
