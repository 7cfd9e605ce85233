"""Feature spaces. Only descriptors of the same space can be compared."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Space:
    """The identity of an extractor's output: everything that affects the descriptors.

    Attributes:
        extractor: a key of `extractors.EXTRACTOR_CONFIGS`.
        weights_digest: SHA-256 (hex) of the weights file.
        decoded_side: the shorter side, in pixels, to which a large JPEG may be reduced while decoding.
        input_sizes: see `extractors.ExtractorConfig`.
        layer: the layer whose feature maps are pooled, `block5_conv3` or `block5_pool`.
        pooling: a key of `pooling.POOLINGS`.
        dimensions: number of components of a descriptor.
    """

    extractor: str
    weights_digest: str
    decoded_side: int
    input_sizes: tuple[int, ...]
    layer: str
    pooling: str
    dimensions: int

    @property
    def key(self) -> str:
        """A readable name, valid as a file name, and unique among the spaces of one version of this program."""
        sizes = "+".join(map(str, self.input_sizes))
        return f"{self.extractor}-{sizes}-{self.layer}-{self.pooling}-{self.weights_digest[:12]}"

    def as_json(self) -> dict[str, Any]:
        """Return the attributes as JSON-compatible values, for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Space":
        """Return the space from `as_json`. Raises KeyError or TypeError if an attribute is missing or unknown."""
        return cls(**{**data, "input_sizes": tuple(data["input_sizes"])})
