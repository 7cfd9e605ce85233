"""After a failure, a service on the network is left alone for a while, so that not every request waits for it."""

import time


class Pause:
    """A pause of this process. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends_at = 0.0  # as time.monotonic() counts

    def is_on(self) -> bool:
        return time.monotonic() < self._ends_at

    def begin(self) -> None:
        self._ends_at = time.monotonic() + self.seconds
