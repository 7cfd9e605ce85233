"""Connections whose requests are limited in size and time."""

import copy
import socket
import time

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

from imagesearch.web.body_files import BODY_FILES, SHARE_FOR_ANYONE, SHARE_WITH_ACCOUNT

HEADER_SECONDS = 20  # until the headers of a request must be complete
BODY_SECONDS, BODY_BYTES_PER_SECOND = 60, 1024  # after a minute, a body must have arrived at this rate
DISCARD_SECONDS = 10  # how long the rest of a refused request is read, so that the client sees the answer


class Request(HTTPRequestParser):
    """A request that is being received. Bodies above `open_limit` need an account, which takes a thread to decide.

    Attributes:
        is_refused: whether the site answers at once that it is busy.
        is_incomplete: whether it is answered although its body has not been received.
    """

    completed: bool

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(copy.copy(adjustments))  # a copy, for the limit of this request alone
        self.started_at = time.monotonic()
        self.open_limit = self.file_bytes = 0
        self.is_decided = self.is_being_decided = False
        self.is_refused = self.is_incomplete = False

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        from catalog.middleware.body_limits import body_limit  # not at the top: gunicorn's parent has no settings

        limit = body_limit(self.path)
        self.open_limit, self.is_decided = limit.for_anyone, limit.for_anyone >= limit.with_account
        self.adj.max_request_body_size = max(limit.for_anyone, limit.with_account) + 1

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        self._count_file(self.body_bytes_received if self.body_bytes_received > self.adj.inbuf_overflow else 0)
        if not self.completed and not self._fits_on_disk():
            self.refuse()
            self.completed = self.is_incomplete = True
            self.headers["CONNECTION"] = "close"
            self._count_file(0)  # at once, so that not all who are sending are refused with it
        if isinstance(self.error, RequestEntityTooLarge):
            self.is_incomplete = True
        if self.error or self.is_refused:
            self.expect_continue = False  # else waitress would ask for the body that it refuses
        return consumed

    def refuse(self) -> None:
        """Have the site answer that it is busy."""
        self.is_refused = True

    def needs_decision(self) -> bool:
        """Return whether the body is so large that only an account may send it, and nobody has looked yet."""
        return not (self.is_decided or self.is_being_decided or self.completed) and self._size() > self.open_limit

    def decide(self, is_allowed: bool) -> None:
        """Read on, or refuse the request when more of it arrives."""
        if not is_allowed:
            self.adj.max_request_body_size = 0
        self.is_decided, self.is_being_decided = True, False

    def is_overdue(self) -> bool:
        seconds = time.monotonic() - self.started_at
        if not self.headers_finished:
            return seconds > HEADER_SECONDS
        return seconds > BODY_SECONDS and self.body_bytes_received < seconds * BODY_BYTES_PER_SECOND

    def close(self) -> None:
        """Delete the temporary file."""
        super().close()
        self._count_file(0)

    def _size(self) -> int:
        """Return the size of the body in bytes: as announced, or what has arrived."""
        return int(max(self.content_length, self.body_bytes_received))

    def _fits_on_disk(self) -> bool:
        if self._size() <= self.adj.inbuf_overflow:
            return True
        share = SHARE_FOR_ANYONE if self._size() <= self.open_limit else SHARE_WITH_ACCOUNT
        return BODY_FILES.have_room(self._size() - self.file_bytes, share=share)

    def _count_file(self, size: int) -> None:
        BODY_FILES.grow(size - self.file_bytes)
        self.file_bytes = size


class Task(WSGITask):
    """The task of answering a request."""

    def get_environment(self) -> dict[str, object]:
        from catalog.middleware.overload import IS_REFUSED

        return {**super().get_environment(), IS_REFUSED: self.request.is_refused}


class Channel(HTTPChannel):
    """A connection."""

    parser_class, task_class = Request, Task
    is_answered_early = close_when_flushed = False  # early: while the client may still be sending
    discard_until: float | None = None

    def is_answering(self) -> bool:
        """Return whether a response is being made or sent."""
        return bool(self.requests or self.total_outbufs_len)

    def readable(self) -> bool:
        if self.discard_until is not None:
            return True
        return not (self.request and self.request.is_being_decided) and bool(super().readable())

    def received(self, data: bytes) -> bool:
        is_open = bool(super().received(data))
        if self.request and self.request.needs_decision():
            self.request.is_being_decided = True
            self.server.add_task(Decision(self, self.request))
        return is_open

    def service(self) -> None:
        self.is_answered_early = self.requests[0].is_incomplete
        super().service()

    def handle_read(self) -> None:
        if self.discard_until is None:
            super().handle_read()
        else:
            self.recv(256 * 1024)

    def handle_write(self) -> None:
        """Send output. Who is still sending would not see the answer if the connection was closed."""
        if not (self.is_answered_early and self.close_when_flushed):
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if not self.total_outbufs_len and self.connected:
            self.close_when_flushed = False
            self.discard_until = time.monotonic() + DISCARD_SECONDS
            self.socket.shutdown(socket.SHUT_WR)

    def handle_close(self) -> None:
        super().handle_close()
        if self.request:
            self.request.close()

    def close_if_overdue(self) -> None:
        """Close the connection if its client takes too long to send a request."""
        is_discarded = self.discard_until is not None and time.monotonic() > self.discard_until
        if is_discarded or (self.request and self.request.is_overdue()):
            self.will_close = True


class Decision:
    """The task of finding out whether a client may send a large body, before it is received."""

    def __init__(self, channel: Channel, request: Request) -> None:
        self.channel, self.request = channel, request

    def service(self) -> None:
        from django.db import close_old_connections

        from catalog.middleware.body_limits import has_account

        is_allowed = False
        try:
            is_allowed = has_account(WSGITask(self.channel, self.request).get_environment())
        finally:
            self.request.decide(is_allowed)
            self.channel.server.pull_trigger()
            close_old_connections()  # Django does it after a request, and the site has not got this one yet

    def cancel(self) -> None:
        self.request.decide(False)
