"""Who acts in this thread. The log and the audit log name the address, the account and the request.

Imports no models: the configuration of the log imports this module before Django has loaded them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any  # for users: the type of `request.user` depends on AUTH_USER_MODEL

from django.http import HttpRequest


@dataclass
class Actor:
    """A request, a command or a task.

    Attributes:
        origin: a value of `AuditEntry.Origin`.
        address: the IP address; empty if there is none.
        request_id: identifies a request in the log; empty if there is none.
        request: the request whose session may name the account.
        user: the account, if it is known otherwise.
        name: who acts, if there is no account: the system's user of a command.
    """

    origin: str = "worker"
    address: str = ""
    request_id: str = ""
    request: HttpRequest | None = None
    user: Any = None
    name: str = ""

    def account(self) -> Any:
        """Return the account, or None. Opens the session if nobody has yet."""
        user = self.user or getattr(self.request, "user", None)
        return user if user is not None and user.is_authenticated else None

    def known_name(self) -> str:
        """Return the name of the account, as far as it is known without asking the database; else `name`."""
        # `_cached_user` is where Django's AuthenticationMiddleware keeps the account once somebody asked for it.
        user = self.user or getattr(self.request, "_cached_user", None)
        return user.get_username() if user is not None and user.is_authenticated else self.name


_current: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current_actor() -> Actor:
    """Return who acts in this thread. Without anything known, a worker."""
    return _current.get() or Actor()


def set_actor(actor: Actor | None) -> None:
    """Have `actor` act in this thread from now on."""
    _current.set(actor)


@contextmanager
def acting_as(actor: Actor) -> Iterator[Actor]:
    """Have `actor` act in this thread inside the `with` block."""
    previous = _current.set(actor)
    try:
        yield actor
    finally:
        _current.reset(previous)
