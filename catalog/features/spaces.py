"""Feature spaces: which vectors may be compared."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Space:
    """The identity of an extractor's output: all that changes the vector.

    Attributes:
        extractor: a name in `extractors.RECIPES`.
        weights_digest: SHA-256 (hex) of the weights file.
        decoded_side: the shorter side, in pixels, that a larger JPEG keeps where it is decoded to be described.
        input_sizes: sides of the network's square inputs, in pixels; of several, the unit descriptors are summed.
        layer: whose maps are pooled: `block5_conv3` or `block5_pool`.
        pooling: a name in `pooling.POOLINGS`.
        dimensions: of the descriptor.
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
        """Readable and good for file names; different for different spaces of one version of this program."""
        sizes = "+".join(map(str, self.input_sizes))
        return f"{self.extractor}-{sizes}-{self.layer}-{self.pooling}-{self.weights_digest[:12]}"

    def as_json(self) -> dict[str, Any]:
        """What `from_json` takes, of strings and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> "Space":
        """The space that `as_json` described. Raises KeyError, TypeError: a part is missing or unknown."""
        return cls(**{**description, "input_sizes": tuple(description["input_sizes"])})
