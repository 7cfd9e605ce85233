"""`manage.py api_token`."""

import getpass

import pytest

from catalog.models import ApiToken, AuditEntry
from tests.api.conftest import bearer

pytestmark = pytest.mark.django_db


def test_a_token_is_made_used_listed_and_revoked(manage, client, uploader, catalogue):
    words = ("create", "ursula", "--scope", "read", "--scope", "write", "--expires", 30, "--name", "shop")
    made = manage("api_token", *words, "--json").json
    assert (made["user"], made["scopes"], made["name"], made["state"]) == ("ursula", ["read", "write"], "shop", "valid")
    assert client.get("/api/images", headers=bearer(made["token"])).status_code == 200
    (listed,) = manage("api_token", "list", "--json").json["tokens"]
    assert {**made, "last_used": listed["last_used"]} == {**listed, "token": made["token"]}
    assert made["token"] not in manage("api_token", "list").out
    assert manage("api_token", "revoke", made["prefix"], "--json").json == {"revoked": 1}
    assert client.get("/api/images", headers=bearer(made["token"])).status_code == 401
    assert "revoked" in manage("api_token", "list").out
    actions = AuditEntry.objects.filter(origin="command").order_by("pk").values_list("action", "user_name")
    assert list(actions) == [("token made", getpass.getuser()), ("token revoked", getpass.getuser())]


def test_the_text_of_the_token_is_all_that_is_printed(manage, client, uploader, catalogue):
    printed = manage("api_token", "create", "ursula", "--scope", "read").out.strip()
    assert client.get("/api/images", headers=bearer(printed)).status_code == 200
    assert "is revoked" in manage("api_token", "revoke", printed).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "nobody", "--scope", "read"), "no account 'nobody'"),
        (("create", "ursula", "--scope", "all"), "invalid choice"),
        (("create", "ursula"), "--scope"),
        (("create", "ursula", "--scope", "read", "--expires", 0), "between 1 and"),
        (("revoke", "0123456789ab"), "no token"),
        ((), "subcommand"),
    ],
)
def test_mistakes_are_explained(manage, uploader, words, message):
    result = manage("api_token", *words)
    assert result.status == 1
    assert message in result.err
    assert not ApiToken.objects.exists()
