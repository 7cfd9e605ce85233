"""Bytes in, an upright RGB picture out, or a sentence that says why not."""

import math
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH

from catalog.exceptions import PictureRefused
from catalog.imaging import formats
from catalog.imaging.colours import to_rgb
from catalog.imaging.limits import Limits
from catalog.imaging.orientation import SIDEWAYS, orientation, upright
from catalog.imaging.truncation import ends_early


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: mode RGB, sRGB, upright, without metadata; possibly at reduced scale.
        format: "JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF" or "HEIF", as the bytes say.
        extension: the file extension of that format, with its dot.
        width, height: of the full-size upright picture, in pixels, even where `rgb` is smaller.
    """

    rgb: Image.Image
    format: str
    extension: str
    width: int
    height: int


def decode(data: bytes, limits: Limits, *, at_least: int | None = None) -> Picture:
    """The picture in `data`: the first frame or page of it. Safe to call from many threads.

    Args:
        data: the whole file.
        limits: what is refused unseen.
        at_least: the shorter side, in pixels, that the caller needs. A JPEG that is much larger is decoded
            at a half, a quarter or an eighth of its size, never below this.

    Raises:
        PictureRefused: with one of the codes `empty`, `too_many_bytes`, `svg`, `unsupported`,
            `not_a_picture`, `too_many_pixels`, `side_too_long`, `too_small`, `truncated`, `damaged`.
    """
    _check_length(data, limits)
    known = formats.recognise(data)
    try:
        return _decoded(data, known, limits, at_least)
    except (PictureRefused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _hidden_bomb(limits) from None
    except Exception as fault:  # decoders of damaged files raise whatever they stumble over
        raise _broken(data, known) from fault


def _decoded(data: bytes, known: formats.Format, limits: Limits, at_least: int | None) -> Picture:
    # The decoder is called by its class: `Image.open` asks the process-wide Image.MAX_IMAGE_PIXELS first.
    with known.decoder(BytesIO(data)) as opened:
        full = opened.size
        _check_size(*full, limits)
        _check_tiles(opened, limits)
        reduced = at_least is not None and known is formats.JPEG and _reduce(opened, at_least)
        opened.load()
        if not reduced:
            full = opened.size
        turn = orientation(opened)
        rgb = upright(to_rgb(opened), turn)
    width, height = reversed(full) if turn in SIDEWAYS else full
    return Picture(rgb, known.name, known.extension, width, height)


def _reduce(opened: ImageFile, at_least: int) -> bool:
    """Has a JPEG decoded at the smallest scale with a shorter side of `at_least`; whether that is reduced."""
    full = opened.size
    scale = at_least / min(full)
    opened.draft(None, (math.ceil(full[0] * scale), math.ceil(full[1] * scale)))
    return opened.size != full


def _check_length(data: bytes, limits: Limits) -> None:
    if not data:
        raise PictureRefused("empty", "The file is empty. Choose one that holds a picture.")
    if len(data) > limits.max_bytes:
        raise PictureRefused(
            "too_many_bytes",
            "The file has {bytes:,} bytes; {max_bytes:,} are taken at most. Save the picture smaller.",
            bytes=len(data),
            max_bytes=limits.max_bytes,
        )


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise PictureRefused(
            "too_many_pixels",
            "The picture has {width} × {height} pixels; {max_pixels:,} in all are the most. Make it smaller.",
            width=width,
            height=height,
            max_pixels=limits.max_pixels,
        )
    if max(width, height) > limits.max_side:
        raise PictureRefused(
            "side_too_long",
            "The picture has {width} × {height} pixels; a side may have {max_side:,}. Make it smaller.",
            width=width,
            height=height,
            max_side=limits.max_side,
        )
    if min(width, height) < limits.min_side:
        raise PictureRefused(
            "too_small",
            "The picture has {width} × {height} pixels; each side needs {min_side}. Choose a larger one.",
            width=width,
            height=height,
            min_side=limits.min_side,
        )


def _check_tiles(opened: ImageFile, limits: Limits) -> None:
    """A TIFF's tile, which is unpacked whole, can be larger than the picture."""
    tags = getattr(opened, "tag_v2", {})
    if tags.get(TILEWIDTH, 0) * tags.get(TILELENGTH, 0) > limits.max_pixels:
        raise _hidden_bomb(limits)


def _hidden_bomb(limits: Limits) -> PictureRefused:
    return PictureRefused(
        "too_many_pixels",
        "A part of the picture has more than {max_pixels:,} pixels. Save it anew in another format.",
        max_pixels=limits.max_pixels,
    )


def _broken(data: bytes, known: formats.Format) -> PictureRefused:
    if ends_early(data, known):
        return PictureRefused(
            "truncated",
            "The {format} file ends in the middle. Copy or send it again, whole.",
            format=known.name,
        )
    return PictureRefused(
        "damaged",
        "The {format} file is damaged and cannot be read. Use another copy of it.",
        format=known.name,
    )
