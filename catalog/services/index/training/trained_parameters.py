"""The trained parameters of a generation: its projection, its encoder, and the calibration of its scores.

Projections and encoders are stored by the digest of their bytes, so that generations with equal ones share a row.
"""

from functools import lru_cache
from hashlib import sha256

from catalog.models import BinaryEncoder as EncoderRow
from catalog.models import Generation
from catalog.models import Projection as ProjectionRow
from catalog.vectors.calibration import Calibration
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.projections.projection import Projection


def projection_of(generation: Generation) -> Projection | None:
    """Return the projection of a generation; None if descriptors are compared as they are."""
    return _load_projection(generation.projection_id) if generation.projection_id else None


def encoder_of(generation: Generation) -> BinaryEncoder | None:
    """Return the encoder of a generation's codes; None if it has no codes."""
    return _load_encoder(generation.encoder_id) if generation.encoder_id else None


def calibration_of(generation: Generation) -> Calibration | None:
    """Return the calibration of a generation's scores; None if it was trained on too few images."""
    return Calibration.from_json(generation.calibration) if generation.calibration else None


def save_projection(projection: Projection) -> ProjectionRow:
    """Return the row of a projection, and create it if there is none."""
    data = projection.as_bytes()
    return ProjectionRow.objects.get_or_create(digest=sha256(data).hexdigest(), defaults={"data": data})[0]


def save_encoder(encoder: BinaryEncoder) -> EncoderRow:
    """Return the row of an encoder, and create it if there is none."""
    data = encoder.as_bytes()
    defaults = {"bits": encoder.bits, "data": data}
    return EncoderRow.objects.get_or_create(digest=sha256(data).hexdigest(), defaults=defaults)[0]


@lru_cache(maxsize=2)
def _load_projection(digest: str) -> Projection:
    return Projection.from_bytes(bytes(ProjectionRow.objects.get(pk=digest).data))


@lru_cache(maxsize=2)
def _load_encoder(digest: str) -> BinaryEncoder:
    row = EncoderRow.objects.get(pk=digest)
    return BinaryEncoder.from_bytes(bytes(row.data), row.bits)
