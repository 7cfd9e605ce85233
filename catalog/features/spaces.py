"""Feature spaces: which vectors may be compared."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Space:
    """The identity of an extractor's output: all that changes the vector.

    Attributes:
        extractor: a name in `extractors.RECIPES`.
        weights_digest: SHA-256 (hex) of the weights file.
        input_size: side of the network's square input, in pixels.
        layer: whose maps are pooled: `block5_conv3` or `block5_pool`.
        pooling: a name in `pooling.POOLINGS`.
        dimensions: of the descriptor.
    """

    extractor: str
    weights_digest: str
    input_size: int
    layer: str
    pooling: str
    dimensions: int

    @property
    def key(self) -> str:
        """Readable, different for different spaces, and good for file names."""
        return f"{self.extractor}-{self.input_size}-{self.layer}-{self.pooling}-{self.weights_digest[:12]}"

    def as_json(self) -> dict[str, Any]:
        """What `from_json` takes, of strings and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> "Space":
        """The space that `as_json` described. Raises TypeError when a part is missing or unknown."""
        return cls(**description)
