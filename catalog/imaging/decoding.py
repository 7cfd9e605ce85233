"""Decoding of untrusted files into upright sRGB pictures."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH

from catalog.exceptions import PictureRejected
from catalog.imaging import formats
from catalog.imaging.colours import to_rgb
from catalog.imaging.limits import PictureLimits, format_bytes
from catalog.imaging.memory import estimate_memory, too_much_memory_error, webp_memory
from catalog.imaging.orientation import AXIS_SWAPPING_ORIENTATIONS, apply_orientation, read_orientation
from catalog.imaging.scans import check_scans, count_scans
from catalog.imaging.truncation import is_truncated
from catalog.imaging.webp_header import read_webp_size


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: mode RGB, sRGB, upright, without metadata; possibly at reduced scale.
        format: "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF" or "HEIF", detected from the content.
        extension: the file extension of that format, with the dot.
        width, height: size of the full-size upright picture in pixels, even if `rgb` is smaller.
    """

    rgb: Image.Image
    format: str
    extension: str
    width: int
    height: int


def decode(
    data: bytes,
    limits: PictureLimits,
    *,
    min_decoded_side: int | None = None,
    reserve_memory: Callable[[int], None] = lambda size: None,
) -> Picture:
    """Decode a picture, or the first frame or page of it. Thread-safe.

    Args:
        data: the whole file.
        limits: checked before any pixel is decoded.
        min_decoded_side: the shorter side, in pixels, that the caller needs. A much larger JPEG is decoded at 1/2,
            1/4 or 1/8 of its size, but never smaller than this.
        reserve_memory: called with the number of bytes that decoding will take, before it takes them.

    Raises:
        PictureRejected: with one of the codes `empty`, `too_many_bytes`, `svg`, `unsupported`,
            `not_a_picture`, `too_many_pixels`, `side_too_long`, `too_small`, `too_many_scans`, `too_much_memory`,
            `truncated`, `damaged`.
        MemoryError: there is not enough memory.
    """
    _check_file_size(data, limits)
    format_ = formats.detect_format(data)
    try:
        return _decode_as(data, format_, limits, min_decoded_side, reserve_memory)
    except (PictureRejected, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _decompression_bomb_error(limits) from None
    except Exception as error:  # on damaged files, decoders raise exceptions of many types
        raise _damaged_error(data, format_) from error


def _decode_as(
    data: bytes,
    format_: formats.Format,
    limits: PictureLimits,
    min_decoded_side: int | None,
    reserve_memory: Callable[[int], None],
) -> Picture:
    if format_ is formats.WEBP and (size := read_webp_size(data)):
        _check_dimensions(*size, limits)
        _check_memory(webp_memory(*size), limits)
    # The decoder class is called directly: `Image.open` would check the global Image.MAX_IMAGE_PIXELS first.
    with format_.decoder(BytesIO(data)) as image:
        full_size = image.size
        _check_dimensions(*full_size, limits)
        _check_tiles(image, limits)
        scan_count = count_scans(data) if format_ is formats.JPEG else 0
        check_scans(scan_count)
        is_reduced = (
            min_decoded_side is not None and format_ is formats.JPEG and _set_reduced_scale(image, min_decoded_side)
        )
        memory = estimate_memory(image, full_size, scan_count)
        _check_memory(memory, limits)
        reserve_memory(memory)
        image.load()
        if not is_reduced:
            full_size = image.size
        orientation_tag = read_orientation(image)
        rgb = to_rgb(image)
        image.close()  # frees its pixels, before those of the upright picture are allocated
    rgb = apply_orientation(rgb, orientation_tag)
    width, height = reversed(full_size) if orientation_tag in AXIS_SWAPPING_ORIENTATIONS else full_size
    return Picture(rgb, format_.name, format_.extension, width, height)


def _check_memory(size: int, limits: PictureLimits) -> None:
    if size > limits.max_memory:
        raise too_much_memory_error(limits)


def _set_reduced_scale(image: ImageFile, min_decoded_side: int) -> bool:
    """Select the smallest scale of a JPEG with a shorter side of `min_decoded_side`; return whether it is reduced."""
    full_size = image.size
    scale = min_decoded_side / min(full_size)
    image.draft(None, (math.ceil(full_size[0] * scale), math.ceil(full_size[1] * scale)))
    return image.size != full_size


def _check_file_size(data: bytes, limits: PictureLimits) -> None:
    if not data:
        raise PictureRejected("empty", "The file is empty. Choose another one.")
    if len(data) > limits.max_bytes:
        raise PictureRejected(
            "too_many_bytes",
            "Larger than the {max_size} limit. Use a smaller version of the picture.",
            max_size=format_bytes(limits.max_bytes),
        )


def _check_dimensions(width: int, height: int, limits: PictureLimits) -> None:
    if width * height > limits.max_pixels:
        raise PictureRejected(
            "too_many_pixels",
            "The picture is {width} × {height} pixels; the limit is {max_megapixels:g} megapixels. Make it smaller.",
            width=width,
            height=height,
            max_megapixels=limits.max_pixels / 1e6,
        )
    if max(width, height) > limits.max_side:
        raise PictureRejected(
            "side_too_long",
            "The picture is {width} × {height} pixels; each side can be at most {max_side:,} pixels. Make it smaller.",
            width=width,
            height=height,
            max_side=limits.max_side,
        )
    if min(width, height) < limits.min_side:
        raise PictureRejected(
            "too_small",
            "The picture is {width} × {height} pixels; each side must be at least {min_side} pixels. "
            "Choose a larger picture.",
            width=width,
            height=height,
            min_side=limits.min_side,
        )


def _check_tiles(image: ImageFile, limits: PictureLimits) -> None:
    """Check the tiles of a TIFF, which are decoded whole and can be larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(TILEWIDTH, 0) * tags.get(TILELENGTH, 0) > limits.max_pixels:
        raise _decompression_bomb_error(limits)


def _decompression_bomb_error(limits: PictureLimits) -> PictureRejected:
    return PictureRejected(
        "too_many_pixels",
        "The decoded picture is larger than {max_megapixels:g} megapixels. Save it in another format.",
        max_megapixels=limits.max_pixels / 1e6,
    )


def _damaged_error(data: bytes, format_: formats.Format) -> PictureRejected:
    if is_truncated(data, format_):
        return PictureRejected(
            "truncated", "This {format} file is incomplete. Copy or upload it again.", format=format_.name
        )
    return PictureRejected("damaged", "This {format} file is damaged. Use another copy.", format=format_.name)
