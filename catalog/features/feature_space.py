"""Feature spaces. Only descriptors of the same space can be compared."""

import re
from dataclasses import asdict, dataclass
from typing import Any

# Names in a key: of networks, and of layers, which in ONNX files may be long paths.
MAX_NAME_LENGTH = 30


@dataclass(frozen=True)
class Space:
    """The identity of an extractor's output: everything that changes a descriptor beyond a cosine of 0.999.

    Attributes:
        extractor: `networks.Network.name`.
        weights_digest: SHA-256 (hex) of the files of the network.
        decoded_side: the shorter side, in pixels, to which a large JPEG may be reduced while decoding.
        input_sizes: see `networks.ExtractorConfig`, as are `layer`, `aspect` and `precision`.
        pooling: a key of `pooling.POOLINGS`, with a parameter after a colon or without.
        dimensions: number of components of a descriptor.
        basis: the digest (12 hex digits) of the mean and basis that the pooled vector is projected on; "" for none.
    """

    extractor: str
    weights_digest: str
    decoded_side: int
    input_sizes: tuple[int, ...]
    aspect: str
    layer: str
    pooling: str
    dimensions: int
    precision: str = "float32"
    basis: str = ""

    @property
    def key(self) -> str:
        """A readable name, valid as a file name, and unique among the spaces of one version of this program."""
        sizes = "+".join(map(str, self.input_sizes))
        parts = [
            self.extractor[:MAX_NAME_LENGTH],
            sizes,
            "" if self.aspect == "squashed" else self.aspect,
            self.layer[-MAX_NAME_LENGTH:],
            self.pooling,
            "" if self.precision == "float32" else self.precision,
            self.weights_digest[:12],
            self.basis and f"{self.dimensions}-{self.basis[:8]}",
        ]
        return re.sub(r"[^A-Za-z0-9_.+-]", "-", "-".join(filter(None, parts)))

    def as_json(self) -> dict[str, Any]:
        """Return the attributes as JSON-compatible values, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Space":
        """Return the space from `as_json`, of this version or an earlier one, which squashed all pictures.

        Raises:
            KeyError, TypeError: an attribute is missing or unknown.
        """
        return cls(**{"aspect": "squashed", **data, "input_sizes": tuple(data["input_sizes"])})
