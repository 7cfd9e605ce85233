"""What the program and a decoder process tell each other.

A request is pickled: the decoder trusts the program. A reply is JSON and raw bytes: the program does not trust a
decoder, which may have read a malicious file.
"""

import json
import pickle
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalog.exceptions import CropRejected, ImageSearchError, PictureRejected
from catalog.imaging.crops import Box
from catalog.imaging.limits import PictureLimits

# A function of a module without Django, or a `functools.partial` of one. It gets an RGB picture, and returns a file, or
# uint8 (height, width, channels), or a picture that becomes such an array.
Renderer = Callable[[Image.Image], bytes | NDArray[np.uint8] | Image.Image]

# Returns a context manager that is held while a large picture is decoded.
HoldMemory = Callable[[], AbstractContextManager[None]]

MAX_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Request:
    """What to make of a picture file.

    Attributes:
        limits: see `decoding.decode`, as is `min_decoded_side`.
        renderers: called one after another with the decoded picture, or with the area `box` of it.
    """

    limits: PictureLimits
    renderers: Sequence[Renderer]
    min_decoded_side: int | None = None
    box: Box | None = None


@dataclass(frozen=True)
class Rendering:
    """The results for one picture.

    Attributes:
        format, extension, width, height: see `decoding.Picture`.
        decoded_size: width and height that the renderers were given, in pixels.
        files: the files that renderers returned, in their order.
        arrays: the arrays that renderers returned, in their order. They are read-only.
    """

    format: str
    extension: str
    width: int
    height: int
    decoded_size: tuple[int, int]
    files: tuple[bytes, ...]
    arrays: tuple[NDArray[np.uint8], ...]


def send_request(connection: Connection, data: bytes, request: Request) -> None:
    """Send a request, and the bytes of the picture. Raises OSError: the decoder has ended."""
    connection.send_bytes(pickle.dumps(request))
    connection.send_bytes(data)


def receive_request(connection: Connection) -> Request:
    """Return the next request; the bytes of the picture follow. Raises EOFError when the program has ended."""
    request: Request = pickle.loads(connection.recv_bytes())  # noqa: S301, from the program itself
    return request


def send_rendering(connection: Connection, rendering: Rendering) -> None:
    """Send the results for one picture. Raises OSError: the program has ended."""
    header = {
        "format": rendering.format,
        "extension": rendering.extension,
        "width": rendering.width,
        "height": rendering.height,
        "decoded_size": rendering.decoded_size,
        "files": len(rendering.files),
        "shapes": [array.shape for array in rendering.arrays],
    }
    _send_json(connection, header)
    for file in rendering.files:
        connection.send_bytes(file)
    for array in rendering.arrays:
        connection.send_bytes(np.ascontiguousarray(array).data.cast("B"))


def send_error(connection: Connection, error: ImageSearchError) -> None:
    """Report a PictureRejected or CropRejected."""
    code = error.code if isinstance(error, PictureRejected) else None
    _send_json(connection, {"code": code, "error": error.message, "params": error.params})


def wait_for_memory(connection: Connection) -> None:
    """Ask the program to hold the memory of a large picture, and wait until it does."""
    _send_json(connection, {"is_large": True})
    connection.recv_bytes()


def receive_rendering(connection: Connection, request: Request, hold_memory: HoldMemory) -> Rendering:
    """Return the reply of a decoder to `request`.

    Args:
        hold_memory: entered if the picture is large, until it is rendered.

    Raises:
        PictureRejected, CropRejected: the decoder reported it.
        EOFError, OSError: the decoder has ended, or sends more bytes than decoding may take.
        ValueError, KeyError, TypeError: the reply is not valid.
    """
    with ExitStack() as held:
        header = json.loads(connection.recv_bytes(MAX_HEADER_BYTES))
        if "is_large" in header:
            held.enter_context(hold_memory())
            connection.send_bytes(b"")
            header = json.loads(connection.recv_bytes(MAX_HEADER_BYTES))
        if "error" in header:
            raise _read_error(header)
        return _receive_outputs(connection, request, header)


def _receive_outputs(connection: Connection, request: Request, header: dict[str, Any]) -> Rendering:
    file_count, shapes = header.pop("files"), header.pop("shapes")
    if file_count + len(shapes) != len(request.renderers):
        raise ValueError("not one output for each renderer")
    outputs, bytes_left = [], request.limits.max_memory
    for _ in request.renderers:
        outputs.append(connection.recv_bytes(bytes_left))
        bytes_left -= len(outputs[-1])
    arrays = zip(outputs[file_count:], shapes, strict=True)
    width, height = header.pop("decoded_size")
    return Rendering(
        **header,
        decoded_size=(width, height),
        files=tuple(outputs[:file_count]),
        arrays=tuple(np.frombuffer(data, np.uint8).reshape(shape) for data, shape in arrays),
    )


def _read_error(header: dict[str, Any]) -> ImageSearchError:
    if header["code"] is None:
        return CropRejected(header["error"], **header["params"])
    return PictureRejected(header["code"], header["error"], **header["params"])


def _send_json(connection: Connection, header: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(header, default=str).encode())
