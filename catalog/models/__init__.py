"""The schema. Other modules import models from here."""

from catalog.models.accounts import ApiToken, AuditEntry
from catalog.models.images import Collection, Image, Tag
from catalog.models.index import (
    BinaryEncoder,
    Descriptor,
    FeatureSpace,
    Generation,
    Projection,
    Segment,
    SimilarityMap,
)
from catalog.models.jobs import Import, ImportedFile, NetworkComparison, Rebuild
from catalog.models.leases import Leasable
from catalog.models.searches import SavedPhoto, SavedSearch

__all__ = [
    "ApiToken",
    "AuditEntry",
    "BinaryEncoder",
    "Collection",
    "Descriptor",
    "FeatureSpace",
    "Generation",
    "Image",
    "Import",
    "ImportedFile",
    "Leasable",
    "NetworkComparison",
    "Projection",
    "Rebuild",
    "SavedPhoto",
    "SavedSearch",
    "Segment",
    "SimilarityMap",
    "Tag",
]
