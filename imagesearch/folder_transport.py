"""Celery's messages as files in a folder, for sites without Redis: kombu's transport, safe for several processes.

kombu writes messages and its table of queues in place. Another process that reads in that moment finds an empty file,
and a worker ends with a JSON error.
"""

import fcntl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: dict, **kwargs: object) -> None:  # type: ignore[override]
        """Write a message under a name that no reader looks for, and rename it when it is whole."""
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}"
        incomplete = folder / f"{name}.tmp"
        incomplete.write_bytes(str_to_bytes(dumps(payload)))
        incomplete.replace(folder / f"{name}.{queue}.msg")

    def get_table(self, exchange: str) -> list:
        with self._locked_table():
            return super().get_table(exchange)

    def _queue_bind(  # type: ignore[override]
        self, exchange: str, routing_key: str, pattern: str, queue: str
    ) -> None:
        with self._locked_table():
            super()._queue_bind(exchange, routing_key, pattern, queue)

    @contextmanager
    def _locked_table(self) -> Iterator[None]:
        folder = Path(self.control_folder)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("a") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            yield


class Transport(filesystem.Transport):
    Channel = Channel
