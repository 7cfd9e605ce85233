"""The decoder process: `python -m catalog.imaging.decoders.child FD`. `DecoderPool` starts it.

It serves requests from the file descriptor FD, one at a time, until the program at the other end closes it or dies. It
imports no Django and no network library.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from catalog.exceptions import CropRejected, PictureRejected
from catalog.imaging.crops import crop
from catalog.imaging.decoders import messages
from catalog.imaging.decoders.messages import Rendering, Request
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from catalog.imaging.memory import too_much_memory_error

# Beyond the memory limit of the picture: stacks of threads, what the estimate missed, the encoded results.
MEMORY_MARGIN = 128 * 1024**2
# Pictures that take more memory are decoded one at a time.
LARGE_PICTURE_BYTES = 256 * 1024**2
# On a busy machine a decoder gets only a share of a processor.
SECONDS_PER_CPU_SECOND = 4


def serve(connection: Connection) -> None:
    """Serve requests until the program at the other end has ended."""
    own_memory = address_space_bytes()
    with suppress(EOFError, OSError):
        while True:
            request = messages.receive_request(connection)
            _limit_time(request.limits)
            data = connection.recv_bytes()
            _set_limit(resource.RLIMIT_AS, own_memory + len(data) + request.limits.max_memory + MEMORY_MARGIN)
            _reply(connection, data, request)
            signal.setitimer(signal.ITIMER_REAL, 0)


def _reply(connection: Connection, data: bytes, request: Request) -> None:
    def reserve_memory(size: int) -> None:
        if size > LARGE_PICTURE_BYTES:
            signal.setitimer(signal.ITIMER_REAL, 0)
            messages.wait_for_memory(connection)
            _limit_time(request.limits)

    try:
        rendering = render(data, request, reserve_memory)
    except (PictureRejected, CropRejected) as error:
        messages.send_error(connection, error)
    except MemoryError:
        messages.send_error(connection, too_much_memory_error(request.limits))
    else:
        messages.send_rendering(connection, rendering)


def render(data: bytes, request: Request, reserve_memory: Callable[[int], None]) -> Rendering:
    """Decode a picture and call the renderers in this process. Raises PictureRejected, CropRejected, MemoryError."""
    picture = decode(data, request.limits, min_decoded_side=request.min_decoded_side, reserve_memory=reserve_memory)
    rgb = crop(picture, request.box) if request.box else picture.rgb
    outputs = [renderer(rgb) for renderer in request.renderers]
    return Rendering(
        picture.format,
        picture.extension,
        picture.width,
        picture.height,
        rgb.size,
        files=tuple(output for output in outputs if isinstance(output, bytes)),
        arrays=tuple(np.asarray(output) for output in outputs if not isinstance(output, bytes)),
    )


def _limit_time(limits: PictureLimits) -> None:
    """Have the kernel end this process, wherever it hangs, if this picture takes too long (SIGXCPU, SIGALRM)."""
    _set_limit(resource.RLIMIT_CPU, int(time.process_time()) + limits.max_seconds + 1)
    signal.setitimer(signal.ITIMER_REAL, limits.max_seconds * SECONDS_PER_CPU_SECOND)


def _set_limit(kind: int, value: int) -> None:
    """Limit a resource, to less than `value` if the program itself has a lower limit, which nobody may raise."""
    _, highest = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if highest == resource.RLIM_INFINITY else min(value, highest), highest))


def address_space_bytes() -> int:
    """Return the size of the address space of this process, which RLIMIT_AS limits (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def main() -> None:
    # Signals to the process group are for the parent. When it ends, so does this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # writes no file
    with suppress(OSError):  # if the machine runs out of memory, this process is the one to end
        Path("/proc/self/oom_score_adj").write_text("1000")
    # Libraries print what is wrong with a picture.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
