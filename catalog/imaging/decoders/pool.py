"""A pool of decoder processes."""

import math
import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

from catalog.exceptions import CatalogueBusy, CropRejected, Overloaded, PictureRejected, gettext_noop
from catalog.imaging.decoders import messages
from catalog.imaging.decoders.messages import HoldMemory, Rendering, Request

CHILD_MODULE = "catalog.imaging.decoders.child"
CHECKOUT = Path(__file__).resolve().parents[3]
# Nothing of the program's environment, which may hold passwords.
CHILD_ENVIRONMENT = {
    "PYTHONPATH": str(CHECKOUT),
    "PYTHONDONTWRITEBYTECODE": "1",
    # The memory of small pictures is kept for the next one. To get it anew takes 2 ms for each.
    "MALLOC_MMAP_THRESHOLD_": str(8 * 1024**2),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024**2),
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}
BUSY_MESSAGE = gettext_noop("The site is busy with other pictures. Try again in a few seconds.")
TIME_LIMIT_SIGNALS = {signal.SIGXCPU, signal.SIGALRM}
# Leaks of the decoders' libraries do not add up.
PICTURES_PER_PROCESS = 10_000


MemoryLock = Callable[[float], AbstractContextManager[None]]


def no_lock(wait_seconds: float) -> AbstractContextManager[None]:
    """Do not limit how many large pictures are decoded at once."""
    return nullcontext()


class DecoderEnded(Exception):
    """A decoder process has ended while it worked on a picture. `signal_number`: what ended it; 0 if it exited."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Decoder:
    """One decoder process. It ends when this process ends."""

    def __init__(self) -> None:
        self._connection, child_connection = Pipe()
        with child_connection:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", CHILD_MODULE, str(child_connection.fileno())],
                pass_fds=[child_connection.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
                env=CHILD_ENVIRONMENT,
            )
        self._pictures = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_usable(self) -> bool:
        """Whether the process runs and has not served too many pictures."""
        return self._pictures < PICTURES_PER_PROCESS and self._process.poll() is None

    def render(self, data: bytes, request: Request, hold_memory: HoldMemory) -> Rendering:
        """Render a picture. After any other exception than these the process has been ended.

        Args:
            hold_memory: see `messages.receive_rendering`.

        Raises:
            PictureRejected, CropRejected, DecoderEnded.
        """
        self._pictures += 1
        try:
            messages.send_request(self._connection, data, request)
            return messages.receive_rendering(self._connection, request, hold_memory)
        except (PictureRejected, CropRejected):
            raise
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            raise DecoderEnded(self.close()) from None
        except BaseException:  # a reply to this request must not be taken for one to the next
            self.kill()
            raise

    def close(self) -> int:
        """End the process. Returns the number of the signal that had ended it before; 0 if there was none."""
        self._connection.close()
        try:
            # After a signal the connection is lost a moment before the process has ended.
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()
            return 0
        return max(0, -status)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


class DecoderPool:
    """Decoder processes that are started when they are needed, and replaced when they end. Thread-safe."""

    def __init__(self, size: int, memory_lock: MemoryLock = no_lock) -> None:
        """Create a pool. No process is started.

        Args:
            size: the number of processes at most.
            memory_lock: returns a context manager that is held while a large picture is decoded, so that the memory of
                several does not add up. It gets the seconds to wait, and raises CatalogueBusy after that.
        """
        self._memory_lock = memory_lock
        # None is a process that has not been started. The last one used is taken first, so that few are started.
        self._idle: queue.LifoQueue[Decoder | None] = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(None)

    def render(self, data: bytes, request: Request, *, wait_seconds: float | None = None) -> Rendering:
        """Decode a picture and render it with the functions of `request`, in a decoder process.

        Args:
            data: the whole file.
            wait_seconds: how long to wait while all processes are busy; None for as long as it takes.

        Raises:
            PictureRejected: as `decoding.decode`; or the picture took too much memory or time, or ended the process
                (codes `too_much_memory`, `too_slow`, `decoder_crashed`).
            CropRejected: the box of the request extends beyond the picture.
            Overloaded: all processes stayed busy, or other large pictures were being decoded.
        """
        hold_memory = partial(self._memory_lock, math.inf if wait_seconds is None else wait_seconds)
        try:
            decoder = self._idle.get(timeout=wait_seconds)
        except queue.Empty:
            raise Overloaded(BUSY_MESSAGE) from None
        try:
            decoder = _usable(decoder)
            try:
                return decoder.render(data, request, hold_memory)
            except DecoderEnded as ended:
                if ended.signal_number != signal.SIGKILL:
                    raise
                # Not necessarily because of this picture: the machine may be out of memory.
                decoder = Decoder()
                return decoder.render(data, request, hold_memory)
        except DecoderEnded as ended:
            raise _picture_error(ended, request) from None
        except CatalogueBusy:
            raise Overloaded(BUSY_MESSAGE) from None
        finally:
            self._idle.put(decoder)

    def close(self) -> None:
        """End the idle processes. The pool can still be used."""
        for decoder in [self._idle.get() for _ in range(self._idle.qsize())]:
            if decoder:
                decoder.close()
            self._idle.put(None)


def _usable(decoder: Decoder | None) -> Decoder:
    """Return the decoder itself, or one that replaces it."""
    if decoder and not decoder.is_usable():
        decoder.close()
        decoder = None
    return decoder or Decoder()


def _picture_error(ended: DecoderEnded, request: Request) -> PictureRejected:
    if ended.signal_number in TIME_LIMIT_SIGNALS:
        return PictureRejected(
            "too_slow",
            "Decoding this picture takes longer than {seconds} seconds. Save it in another format.",
            seconds=request.limits.max_seconds,
        )
    return PictureRejected(
        "decoder_crashed", "This picture makes the decoder stop, so it cannot be used. Save it with another program."
    )
