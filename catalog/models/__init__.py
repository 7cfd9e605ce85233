"""The schema. Other modules import models from here."""

from catalog.models.images import Collection, Image, Tag
from catalog.models.index import (
    BinaryEncoder,
    Descriptor,
    FeatureSpace,
    Generation,
    Segment,
    SimilarityMap,
    Whitening,
)
from catalog.models.jobs import Import, ImportedFile, Rebuild
from catalog.models.leases import Leasable
from catalog.models.searches import QueryPhoto, SavedSearch

__all__ = [
    "BinaryEncoder",
    "Collection",
    "Descriptor",
    "FeatureSpace",
    "Generation",
    "Image",
    "Import",
    "ImportedFile",
    "Leasable",
    "QueryPhoto",
    "Rebuild",
    "SavedSearch",
    "Segment",
    "SimilarityMap",
    "Tag",
    "Whitening",
]
