"""API tokens: `imagesearch_`, a public prefix by which the row is found, and a secret of 256 random bits.

Only the SHA-256 of a token is stored. Unlike a password, it cannot be guessed, so no slow hash is needed.
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from catalog.models import ApiToken
from catalog.services.accounts import audit
from catalog.services.accounts.audit import Action

DEFAULT_DAYS = 365
MAX_DAYS = 3650
# The last use of a token is written at most once in this time.
USE_INTERVAL = timedelta(minutes=5)

TOKEN = re.compile(r"imagesearch_([0-9a-f]{12})_[0-9a-f]{64}")


def create_token(user: Any, scopes: Iterable[str], *, days: int = DEFAULT_DAYS, name: str = "") -> tuple[ApiToken, str]:
    """Make a token for an account.

    Args:
        scopes: of `ApiToken.Scope`; at least one.
        days: after which the token expires, from 1 to MAX_DAYS.

    Returns:
        The token, and its text, which is not stored and cannot be shown again.
    """
    prefix = secrets.token_hex(6)
    text = f"imagesearch_{prefix}_{secrets.token_hex(32)}"
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            prefix=prefix,
            digest=_digest(text),
            scopes=[scope for scope in ApiToken.Scope.values if scope in set(scopes)],
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit.record(Action.TOKEN_MADE, token, target=f"{token}: {', '.join(token.scopes)}")
    return token, text


def revoke(tokens: Iterable[ApiToken]) -> int:
    """Make tokens invalid at once. Returns how many were not revoked before."""
    with transaction.atomic():
        valid = list(ApiToken.objects.filter(pk__in=[token.pk for token in tokens], revoked_at=None))
        ApiToken.objects.filter(pk__in=[token.pk for token in valid]).update(revoked_at=timezone.now())
        for token in valid:
            audit.record(Action.TOKEN_REVOKED, token, target=str(token))
    return len(valid)


def find_valid_token(text: str) -> ApiToken | None:
    """Return the token with this text, if it is valid and its account is active; None otherwise. Notes its use."""
    match = TOKEN.fullmatch(text)
    token = match and ApiToken.objects.select_related("user").filter(prefix=match[1]).first()
    if not token or not constant_time_compare(token.digest, _digest(text)):
        return None
    if not token.is_valid() or not token.user.is_active:
        return None
    _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """Write when the token was last used, unless that was just now, or another process is writing."""
    now = timezone.now()
    if token.last_used_at and now - token.last_used_at < USE_INTERVAL:
        return
    with suppress(DatabaseError), _waiting_for_no_writer():  # if it fails, the next use is noted
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


@contextmanager
def _waiting_for_no_writer() -> Iterator[None]:
    """Fail at once if another process is writing to an SQLite database. On PostgreSQL, writers do not wait."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        timeout = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {timeout}")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
