"""Functions that do in a decoder process what malicious pictures make decoders do."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from PIL import Image


def crash(rgb: Image.Image) -> bytes:
    """End as on an invalid memory access."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return b""


def exit_at_once(rgb: Image.Image) -> bytes:
    os._exit(1)


def spin(rgb: Image.Image) -> bytes:
    while True:
        pass


def stall(rgb: Image.Image) -> bytes:
    time.sleep(600)
    return b""


def allocate(rgb: Image.Image, size: int) -> bytes:
    return b"%d" % len(bytearray(size))


def write_file(rgb: Image.Image, path: Path) -> bytes:
    path.write_bytes(b"found")
    return b""


def kill_once(rgb: Image.Image, path: Path) -> bytes:
    """End as when the machine is out of memory, but only the first time."""
    try:
        path.rmdir()
    except FileNotFoundError:
        return b"second time"
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def pid(rgb: Image.Image) -> bytes:
    return b"%d" % os.getpid()


def surroundings(rgb: Image.Image) -> bytes:
    """The modules and environment variables of the process, as JSON."""
    return json.dumps({"modules": sorted(sys.modules), "environment": dict(os.environ)}).encode()
