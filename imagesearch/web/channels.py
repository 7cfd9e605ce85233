"""Connections whose requests are limited in size and time."""

import copy
import socket
import time

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

HEADER_SECONDS = 20  # until the headers of a request must be complete
BODY_SECONDS, BODY_BYTES_PER_SECOND = 60, 1024  # after a minute, a body must have arrived at this rate
DISCARD_SECONDS = 10  # how long the rest of a refused request is read, so that the client sees the answer


class Request(HTTPRequestParser):
    """A request that is being received. Bodies above `open_limit` need an account, which takes a thread to decide."""

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(copy.copy(adjustments))  # a copy, for the limit of this request alone
        self.started_at = time.monotonic()
        self.open_limit = 0
        self.is_decided = self.is_being_decided = False

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        from catalog.middleware.body_limits import body_limit  # not at the top: gunicorn's parent has no settings

        limit = body_limit(self.path)
        self.open_limit, self.is_decided = limit.for_anyone, limit.for_anyone >= limit.with_account
        self.adj.max_request_body_size = max(limit.for_anyone, limit.with_account) + 1

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if self.error:
            self.expect_continue = False  # else waitress would ask for the body that it refuses
        return consumed

    def needs_decision(self) -> bool:
        """Return whether the body is so large that only an account may send it, and nobody has looked yet."""
        size = max(self.content_length, self.body_bytes_received)
        return not self.is_decided and not self.is_being_decided and not self.completed and size > self.open_limit

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


class Channel(HTTPChannel):
    """A connection."""

    parser_class = Request
    is_refused = close_when_flushed = False
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
        if self.requests and isinstance(self.requests[-1].error, RequestEntityTooLarge):
            self.is_refused = True
        elif self.request and self.request.needs_decision():
            self.request.is_being_decided = True
            self.server.add_task(Decision(self, self.request))
        return is_open

    def handle_read(self) -> None:
        if self.discard_until is None:
            super().handle_read()
        else:
            self.recv(256 * 1024)

    def handle_write(self) -> None:
        """Send output. A refused client is still sending and would not see the answer if the connection was closed."""
        if not (self.is_refused and self.close_when_flushed):
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
            self.request.close()  # deletes its temporary file

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
        is_allowed = False
        try:
            from catalog.middleware.body_limits import has_account

            is_allowed = has_account(WSGITask(self.channel, self.request).get_environment())
        finally:
            self.request.decide(is_allowed)
            self.channel.server.pull_trigger()

    def cancel(self) -> None:
        self.request.decide(False)
