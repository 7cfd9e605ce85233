"""A catalogue of the network that earlier versions bundled."""

from catalog.models import FeatureSpace
from catalog.services.index import spaces


def use_removed_network() -> None:
    """Let the active space be of the network that is no longer part of the program."""
    space = spaces.active_generation().space
    description = {**space.description, "extractor": "vgg16-compact"}
    FeatureSpace.objects.filter(pk=space.pk).update(extractor="vgg16-compact", description=description)
