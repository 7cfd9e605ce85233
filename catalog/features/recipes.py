"""The recipes of the networks: all that determines a descriptor beside the weights. Measured in docs/quality.md."""

from catalog.features.networks import ExtractorConfig

# By name of the network.
EXTRACTOR_CONFIGS: dict[str, ExtractorConfig] = {
    "vgg16": ExtractorConfig(
        input_sizes=(224,),
        aspect="kept",
        layer="block5_conv3",
        pooling="rmac",
        precision="int8",
        has_basis=True,
    ),
    "efficientnet-lite2": ExtractorConfig(
        input_sizes=(260,), aspect="kept", layer="head", pooling="rmac", has_basis=True
    ),
}

# By name of the network: from how many spreads above the median of random pairs a score means "similar" and "very
# similar". At these scores, about 0.88 and 0.95 of the pairs of a labelled set were of the same kind.
SCORE_LEVELS: dict[str, tuple[float, float]] = {"vgg16": (7.0, 9.0), "efficientnet-lite2": (10.0, 16.0)}
