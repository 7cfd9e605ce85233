"""The audit log: who added, changed or deleted something, signed in, rebuilt the index or made a token.

Services record an act in the transaction that does it, so that there is neither an act without an entry nor an entry
without an act.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import F, Model
from django.utils import timezone

from catalog.models import AuditEntry
from catalog.services.accounts.actor import current_actor

Action = AuditEntry.Action

MAX_NAMED_OBJECTS = 5
MAX_TARGET_LENGTH = 500
# Whoever guesses passwords fills the log: failures with the same name and address share an entry for an hour, and no
# more than so many entries are kept.
FAILURES_SHARE_ENTRY = timedelta(hours=1)
MAX_FAILURES = 10_000


def record(action: Action, *objects: Model, target: str = "", count: int | None = None) -> AuditEntry:
    """Record that the current actor did something to `objects`.

    Args:
        target: what it was done to; by default the first objects are named.
        count: how many objects; by default the number of `objects`, and 1 without any.
    """
    actor = current_actor()
    user = actor.account()
    return AuditEntry.objects.create(
        at=timezone.now(),
        action=action,
        origin=actor.origin,
        user=user,
        user_name=(user.get_username() if user else actor.name)[:150],
        address=actor.address,
        request_id=actor.request_id,
        object_type=(objects[0]._meta.model_name or "") if objects else "",
        object_id=objects[0].pk if objects else None,
        target=_storable(target or _name_objects(*objects)),
        count=len(objects) or 1 if count is None else count,
    )


def add_to_count(entry: AuditEntry, count: int) -> None:
    """Record that the act of `entry` went on, with `count` more objects."""
    AuditEntry.objects.filter(pk=entry.pk).update(count=F("count") + count, at=timezone.now())


def latest_entry(action: Action, instance: Model) -> AuditEntry | None:
    """Return the last entry of an action on `instance`."""
    return AuditEntry.objects.filter(
        action=action, object_type=instance._meta.model_name, object_id=instance.pk
    ).first()


def record_failed_sign_in(name: str) -> None:
    """Record that somebody failed to sign in with this name."""
    name = _storable(name)
    recent = AuditEntry.objects.filter(
        action=Action.SIGN_IN_FAILED,
        address=current_actor().address,
        target=name,
        at__gte=timezone.now() - FAILURES_SHARE_ENTRY,
    ).first()
    if recent:
        add_to_count(recent, 1)
    else:
        record(Action.SIGN_IN_FAILED, target=name)


def delete_old() -> int:
    """Delete the entries that are older than AUDIT_DAYS, and failed sign-ins beyond MAX_FAILURES. Returns how many."""
    old = AuditEntry.objects.filter(at__lt=timezone.now() - timedelta(days=settings.AUDIT_DAYS))
    deleted, _ = old.delete()
    failures = AuditEntry.objects.filter(action=Action.SIGN_IN_FAILED)
    oldest_kept = failures.values_list("pk", flat=True).order_by("-pk")[MAX_FAILURES - 1 : MAX_FAILURES].first()
    if oldest_kept is not None:
        deleted += failures.filter(pk__lt=oldest_kept).delete()[0]
    return deleted


def _storable(text: str) -> str:
    """Return `text` without what databases do not store: NUL, and bytes of a file name that are not UTF-8."""
    return text.encode(errors="replace").decode().replace("\x00", "")[:MAX_TARGET_LENGTH]


def _name_objects(*objects: Model) -> str:
    named = ", ".join(
        f"{instance._meta.verbose_name_raw} {instance.pk} {instance}" for instance in objects[:MAX_NAMED_OBJECTS]
    )
    return named + (", …" if len(objects) > MAX_NAMED_OBJECTS else "")
