"""How much of the disk the bodies of unfinished requests may take together, in temporary files of this process."""

import shutil
import tempfile
import threading

# Of the free space: bodies that anybody may send, and those that need an account. Django copies uploaded files once
# more, so that a body takes up to twice its size.
SHARE_FOR_ANYONE, SHARE_WITH_ACCOUNT = 0.1, 0.5


class BodyFiles:
    """The temporary files of request bodies. Threads that answer requests delete them."""

    def __init__(self) -> None:
        self.bytes = 0
        self._lock = threading.Lock()

    def grow(self, count: int) -> None:
        """Note that the files are `count` bytes larger, or smaller if it is negative."""
        with self._lock:
            self.bytes += count

    def have_room(self, count: int, *, share: float) -> bool:
        """Return whether `count` more bytes fit into this share of the free space."""
        free = shutil.disk_usage(tempfile.gettempdir()).free
        return self.bytes + count <= share * (free + self.bytes)


BODY_FILES = BodyFiles()
