"""API tokens."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog.models import ApiToken, AuditEntry
from catalog.services.accounts import tokens


@pytest.mark.django_db
def test_only_the_digest_of_a_token_is_stored(uploader):
    token, text = tokens.create_token(uploader, ["read"], name="shop")
    stored = [str(value) for row in (ApiToken.objects.values_list(), AuditEntry.objects.values_list()) for value in row]
    secret = text.rpartition("_")[2]
    assert len(secret) == 64
    assert not any(secret in value for value in stored)
    assert tokens.find_valid_token(text) == token


@pytest.mark.django_db
def test_a_text_that_differs_in_any_part_is_no_token(uploader):
    _, text = tokens.create_token(uploader, ["read"])
    other = "1" if text[-1] == "0" else "0"
    for wrong in (text[:-1] + other, text[:12] + other + text[13:], text + "0", text.upper(), text[12:], "", "\0"):
        assert tokens.find_valid_token(wrong) is None


@pytest.mark.django_db
def test_expired_and_revoked_tokens_and_tokens_of_inactive_accounts_are_not_valid(uploader):
    token, text = tokens.create_token(uploader, ["read"], days=1)
    assert tokens.find_valid_token(text)
    ApiToken.objects.update(expires_at=timezone.now())
    assert tokens.find_valid_token(text) is None
    token, text = tokens.create_token(uploader, ["read"])
    assert tokens.revoke([token]) == 1
    assert tokens.revoke([token]) == 0
    assert tokens.find_valid_token(text) is None
    _, text = tokens.create_token(uploader, ["read"])
    uploader.is_active = False
    uploader.save()
    assert tokens.find_valid_token(text) is None


@pytest.mark.django_db
def test_the_last_use_is_written_at_most_every_five_minutes(uploader, django_assert_num_queries):
    token, text = tokens.create_token(uploader, ["read"])
    tokens.find_valid_token(text)
    token.refresh_from_db()
    assert timezone.now() - token.last_used_at < timedelta(minutes=1)
    with django_assert_num_queries(1):
        tokens.find_valid_token(text)
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=6))
    tokens.find_valid_token(text)
    token.refresh_from_db()
    assert timezone.now() - token.last_used_at < timedelta(minutes=1)


def test_no_request_waits_for_a_writer_to_note_the_use_of_a_token(installation):
    """On SQLite, which has one writer at a time. On PostgreSQL, writers of other rows do not block."""
    found, seconds, timeouts = installation.run(
        """
import json, sqlite3, time
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from catalog.services.accounts import tokens

def timeout():
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA busy_timeout").fetchone()[0]

token, text = tokens.create_token(User.objects.create_user("ursula"), ["read"])
before = timeout()
writer = sqlite3.connect(settings.VAR_DIR / "db.sqlite3")
writer.execute("BEGIN IMMEDIATE")
started_at = time.monotonic()
found = tokens.find_valid_token(text) == token
print(json.dumps([found, time.monotonic() - started_at, [before, timeout()]]))
"""
    )
    assert found
    assert seconds < 2
    assert timeouts[0] == timeouts[1] > 1000
