"""A process of the web server, as gunicorn starts it: `gunicorn --worker-class imagesearch.web.worker.WebWorker`."""

import logging
import os
import resource
import time

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.server import BaseWSGIServer, create_server

from imagesearch.web.channels import Channel
from imagesearch.web.request_queues import RequestQueues

MAX_CONNECTIONS = 4096  # of one process; fewer where the system allows fewer open files
IDLE_SECONDS = 60  # a connection without traffic is closed
CHECK_SECONDS = 5  # how often connections are checked for slow clients
# Larger requests and responses wait in temporary files.
REQUEST_MEMORY_BYTES, RESPONSE_MEMORY_BYTES = 64 * 1024, 1024 * 1024


class WebWorker(Worker):
    """Serves the site with `--threads` threads until gunicorn stops it."""

    def run(self) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a warning for each request that waits
        connections: dict[int, wasyncore.dispatcher] = {}
        queues = RequestQueues(self.cfg.threads)
        create_server(
            self.wsgi,
            connections,
            _dispatcher=queues,
            sockets=[listener.sock for listener in self.sockets],
            ident=None,
            backlog=self.cfg.backlog,
            clear_untrusted_proxy_headers=False,  # the site itself knows its proxies: TRUSTED_PROXIES
            connection_limit=_connection_limit(),
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=CHECK_SECONDS,
            inbuf_overflow=REQUEST_MEMORY_BYTES,
            outbuf_overflow=RESPONSE_MEMORY_BYTES,
            max_request_header_size=32 * 1024,
        )
        servers = [connection for connection in connections.values() if isinstance(connection, BaseWSGIServer)]
        for server in servers:
            server.channel_class = Channel
        next_check = 0.0
        while self.alive and os.getppid() == self.ppid:
            self.notify()
            wasyncore.loop(timeout=1, use_poll=True, map=connections, count=1)
            if time.monotonic() > next_check:
                next_check = time.monotonic() + CHECK_SECONDS
                for channel in _channels(connections):
                    channel.close_if_overdue()
        self._finish(connections, servers)
        queues.shutdown()

    def _finish(self, connections: dict[int, wasyncore.dispatcher], servers: list[BaseWSGIServer]) -> None:
        """Accept no more connections, and send the responses to the requests that are complete."""
        for server in servers:
            server.accepting = False
            server.del_channel(connections)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while any(channel.is_answering() for channel in _channels(connections)) and time.monotonic() < deadline:
            self.notify()
            wasyncore.loop(timeout=0.1, use_poll=True, map=connections, count=1)


def _channels(connections: dict[int, wasyncore.dispatcher]) -> list[Channel]:
    return [connection for connection in connections.values() if isinstance(connection, Channel)]


def _connection_limit() -> int:
    """Raise the limit of open files as far as allowed. Each connection may need three: itself and two buffers."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = MAX_CONNECTIONS * 4 if hard == resource.RLIM_INFINITY else min(hard, MAX_CONNECTIONS * 4)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_files, _soft), hard))
    return min(MAX_CONNECTIONS, max(open_files // 4, 100))
