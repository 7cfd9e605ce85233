"""A Milvus Lite server for tests, and what is stored on it."""

import sys
from uuid import uuid4

from catalog.exceptions import IndexUnavailable
from tests.system.servers import RestartableServer


class MilvusServer(RestartableServer):
    """A Milvus Lite server."""

    def url(self) -> str:
        """Return the URL of a new database."""
        return f"http://127.0.0.1:{self.port}/test_{uuid4().hex}"

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self.home / "data")]
        self.launch([*command, "--host", "127.0.0.1", "--port", str(self.port)], "Milvus")

    def is_ready(self) -> bool:
        from catalog.vectors.milvus import MilvusEngine

        try:
            MilvusEngine(f"http://127.0.0.1:{self.port}").check()
        except IndexUnavailable:
            return False
        return True


def server_collections(url: str) -> list[str]:
    """Return the names of all collections in the database of a URL."""
    from catalog.vectors.milvus import MilvusEngine

    with MilvusEngine(url).client() as client:
        return sorted(client.list_collections())


def collection_name(key: str) -> str:
    """Return the name of the collection of a snapshot key."""
    return "imagesearch_" + key.replace("-", "_").replace("+", "_")
