"""Decoding of picture files in the decoder processes of this process."""

import os
from contextlib import AbstractContextManager
from functools import lru_cache

import numpy as np
from django.conf import settings
from PIL import Image as PILImage

from catalog.exceptions import PictureRejected
from catalog.imaging.crops import Box
from catalog.imaging.decoders import DecoderPool, Renderer, Rendering, Request
from catalog.imaging.decoding import Picture
from catalog.imaging.limits import PictureLimits
from catalog.locks import file_lock
from catalog.services.monitoring import process_metrics

# Seconds that a request waits while all decoder processes are busy.
REQUEST_WAIT = 10.0


@lru_cache(maxsize=1)
def decoder_pool() -> DecoderPool:
    """Return the decoder processes of this process. They are started when they are needed."""
    return DecoderPool(settings.DECODERS, _large_picture_lock)


def _large_picture_lock(wait_seconds: float) -> AbstractContextManager[None]:
    """Return the lock that all processes of the site on this machine share."""
    return file_lock(settings.LOCKS_DIR / "large-picture.lock", timeout=wait_seconds)


os.register_at_fork(after_in_child=decoder_pool.cache_clear)


def render(
    data: bytes,
    limits: PictureLimits,
    *renderers: Renderer,
    min_decoded_side: int | None = None,
    box: Box | None = None,
    wait_seconds: float | None = None,
) -> Rendering:
    """Decode a picture file, or the area `box` of it, and render it with each of `renderers`.

    Args:
        renderers: called in a decoder process, so that only what they return is sent back.
        min_decoded_side: see `decoding.decode`.
        wait_seconds: how long to wait while all decoder processes are busy; None for as long as it takes.

    Raises:
        PictureRejected, CropRejected, Overloaded: as `DecoderPool.render`.
    """
    request = Request(limits, renderers, min_decoded_side=min_decoded_side, box=box)
    try:
        return decoder_pool().render(data, request, wait_seconds=wait_seconds)
    except PictureRejected as error:
        process_metrics.count_rejected_picture(error.code)
        raise


def decode(
    data: bytes, limits: PictureLimits, *, min_decoded_side: int | None = None, wait_seconds: float | None = None
) -> Picture:
    """Decode a picture file, as `imaging.decoding.decode` does. Raises like `render`."""
    rendering = render(data, limits, np.asarray, min_decoded_side=min_decoded_side, wait_seconds=wait_seconds)
    rgb = PILImage.fromarray(rendering.arrays[0])
    return Picture(rgb, rendering.format, rendering.extension, rendering.width, rendering.height)
