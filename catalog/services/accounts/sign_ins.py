"""Records in the audit log who signed in and out, and who failed to."""

from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from catalog.services.accounts import audit
from catalog.services.accounts.actor import current_actor
from catalog.services.accounts.audit import Action


@receiver(user_logged_in)
def record_sign_in(user: Any, **_: object) -> None:
    current_actor().user = user
    audit.record(Action.SIGNED_IN, target=user.get_username())


@receiver(user_logged_out)
def record_sign_out(user: Any, **_: object) -> None:
    if user is not None:
        audit.record(Action.SIGNED_OUT, target=user.get_username())


@receiver(user_login_failed)
def record_failed_sign_in(credentials: dict[str, Any], **_: object) -> None:
    audit.record_failed_sign_in(str(credentials.get("username", "")))
