"""Which thread answers a request. Probes and refusals overtake, and searches that would wait long are refused."""

import threading
from typing import Protocol

from waitress.task import ThreadedTaskDispatcher

from imagesearch.web.channels import Channel

# Searches that wait for a thread. More would make all of them slow; those who are refused may come again at once.
MAX_WAITING_SEARCHES = 1


class Task(Protocol):
    def service(self) -> None: ...

    def cancel(self) -> None: ...


class RequestQueues(ThreadedTaskDispatcher):
    """Threads that answer requests, one more for probes, and one for refusals, so that a crowd delays no probe."""

    def __init__(self, thread_count: int) -> None:
        super().__init__()
        self.set_thread_count(thread_count)
        self.probes, self.refusals = ThreadedTaskDispatcher(), ThreadedTaskDispatcher()
        for queue in (self.probes, self.refusals):
            queue.set_thread_count(1)
        self.searches = threading.BoundedSemaphore(thread_count + MAX_WAITING_SEARCHES)

    def add_task(self, task: Task) -> None:
        if not isinstance(task, Channel):
            super().add_task(task)
            return
        from catalog.middleware.probes import PROBES
        from catalog.middleware.throttling import is_search

        request = task.requests[0]
        if request.is_refused or request.error:
            self.refusals.add_task(task)
        elif request.path in PROBES:
            self.probes.add_task(task)
        elif not is_search(request.path):
            super().add_task(task)
        elif self.searches.acquire(blocking=False):
            super().add_task(Search(task, self.searches))
        else:
            request.refuse()
            self.refusals.add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        for queue in (self.probes, self.refusals):
            queue.shutdown(cancel_pending, timeout)
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
