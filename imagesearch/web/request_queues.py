"""Which thread answers a request. Probes and refusals overtake, and searches that would wait long are refused."""

import json
import threading
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

from imagesearch.web.channels import Channel

# Searches that wait for a thread. More would make all of them slow; those who are refused may come again at once.
MAX_WAITING_SEARCHES = 1
RETRY_AFTER = 2  # seconds


class Task(Protocol):
    def service(self) -> None: ...

    def cancel(self) -> None: ...


class Busy(Error):
    """The answer to a search that would have to wait."""

    code = 503
    reason = "Service Unavailable"

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        headers = [("Content-Type", "application/json"), ("Retry-After", str(RETRY_AFTER))]
        return f"{self.code} {self.reason}", headers, json.dumps({"detail": self.body}).encode()


class RequestQueues(ThreadedTaskDispatcher):
    """Threads that answer requests, and one more for those that are answered at once."""

    def __init__(self, thread_count: int) -> None:
        super().__init__()
        self.set_thread_count(thread_count)
        self.quick = ThreadedTaskDispatcher()
        self.quick.set_thread_count(1)
        self.searches = threading.BoundedSemaphore(thread_count + MAX_WAITING_SEARCHES)

    def add_task(self, task: Task) -> None:
        if not isinstance(task, Channel):
            super().add_task(task)
            return
        from catalog.middleware.probes import PROBES
        from catalog.middleware.throttling import is_search

        request = task.requests[0]
        if request.error or request.path in PROBES:
            self.quick.add_task(task)
        elif not is_search(request.path):
            super().add_task(task)
        elif self.searches.acquire(blocking=False):
            super().add_task(Search(task, self.searches))
        else:
            request.error = Busy("The site is busy. Try again in a few seconds.")
            self.quick.add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        self.quick.shutdown(cancel_pending, timeout)
        return bool(super().shutdown(cancel_pending, timeout))


class Search:
    """A search, counted while it waits and while it is answered."""

    def __init__(self, channel: Channel, searches: threading.BoundedSemaphore) -> None:
        self.channel, self.searches = channel, searches

    def service(self) -> None:
        try:
            self.channel.service()
        finally:
            self.searches.release()

    def cancel(self) -> None:
        self.channel.cancel()
