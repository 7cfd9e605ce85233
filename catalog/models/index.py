"""The feature store and what is built from it: segments, descriptors, generations."""

import numpy as np
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from catalog.models.images import Image


class FeatureSpace(models.Model):
    """The identity of an extractor's output. Descriptors of two spaces are never compared."""

    key = models.CharField(_("key"), max_length=120, unique=True)
    extractor = models.CharField(_("extractor"), max_length=40)
    description = models.JSONField(_("description"), help_text="features.feature_space.Space as JSON")

    class Meta:
        verbose_name = _("feature space")
        verbose_name_plural = _("feature spaces")

    def __str__(self) -> str:
        return self.key


class Segment(models.Model):
    """A segment file of the feature store. A file without a row is an orphan."""

    space = models.ForeignKey(
        FeatureSpace, verbose_name=_("feature space"), on_delete=models.PROTECT, related_name="segments"
    )
    name = models.CharField(_("file name"), max_length=120, unique=True, help_text=_("below var/features/"))
    rows = models.PositiveIntegerField(_("rows"))
    checksum = models.CharField(
        _("checksum"), max_length=64, help_text=_("SHA-256 of the contents, as the file itself names it")
    )
    digest = models.CharField(
        _("digest"), max_length=64, blank=True, default="", help_text=_("SHA-256 of the file; empty: of an old version")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [models.CheckConstraint(condition=Q(rows__gt=0), name="segment_has_rows")]

    def __str__(self) -> str:
        return self.name


class Descriptor(models.Model):
    """The location of an image's descriptor in a segment. Without an image, the row of the segment is dead."""

    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="descriptors")
    space = models.ForeignKey(FeatureSpace, on_delete=models.PROTECT)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="descriptors")
    row = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "row"], name="descriptor_unique_row"),
            # NULLs are distinct, so this applies to live descriptors only: no image is searchable twice.
            models.UniqueConstraint(fields=["image", "space"], name="descriptor_unique_image_space"),
        ]
        indexes = [models.Index(fields=["segment", "row"], condition=Q(image=None), name="descriptor_dead")]

    def __str__(self) -> str:
        return f"{self.segment_id}:{self.row}"


class Projection(models.Model):
    """The projection of a generation, in a table of its own so that it is loaded only where needed."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the data")
    data = models.BinaryField(help_text="vectors.projections.projection.Projection, serialised")

    def __str__(self) -> str:
        return self.digest


class BinaryEncoder(models.Model):
    """The encoder that computes the binary codes of a generation."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the data")
    bits = models.PositiveIntegerField()
    data = models.BinaryField(help_text="vectors.codes.binary_codes.BinaryEncoder, serialised")

    def __str__(self) -> str:
        return self.digest


class Generation(models.Model):
    """One build of everything derived from the store. One is active; the next is built beside it."""

    class State(models.TextChoices):
        BUILDING = "building", _("building")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    space = models.ForeignKey(
        FeatureSpace, verbose_name=_("feature space"), on_delete=models.PROTECT, related_name="generations"
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.BUILDING)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    training_image_count = models.PositiveIntegerField(
        _("training images"),
        default=0,
        help_text=_("images that the projection, codes and calibration were fitted for"),
    )
    projection = models.ForeignKey(
        Projection, null=True, on_delete=models.PROTECT, help_text="null: descriptors are compared as they are"
    )
    projection_choice = models.JSONField(
        null=True, help_text="services.index.training.projection_choice.ProjectionChoice; null: not trained yet"
    )
    encoder = models.ForeignKey(BinaryEncoder, null=True, on_delete=models.PROTECT)
    candidate_count = models.PositiveIntegerField(
        null=True, help_text="candidates of the Hamming stage; null: not measured"
    )
    recall_at_10 = models.FloatField(null=True, help_text="recall at 10 of the two stages with that many candidates")
    code_quality = models.JSONField(
        null=True, help_text="vectors.codes.supervised_hashing.CodeQuality and the kind of labels; null: no labels"
    )
    calibration = models.JSONField(null=True, help_text="vectors.calibration.Calibration; null: too few images")

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="generation_single_active"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="building"), name="generation_single_building"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.space})"

    @property
    def is_augmented(self) -> bool:
        """Whether neighbours take part in the ranking."""
        return bool((self.projection_choice or {}).get("augmented"))


class SimilarityMap(models.Model):
    """Positions of images on a plane, where similar images lie close together (t-SNE)."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="similarity_maps")
    image_count = models.PositiveIntegerField(
        help_text="searchable images when the map was computed; large catalogues show a sample"
    )
    image_ids = models.BinaryField(help_text="int64, little-endian")
    coordinates = models.BinaryField(help_text="float32, little-endian: x and y of each image, in [0, 1]")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"similarity map {self.pk}"

    def ids(self) -> np.ndarray:
        """The image ids, int64, n."""
        return np.frombuffer(bytes(self.image_ids), "<i8")

    def positions(self) -> np.ndarray:
        """The positions, float32, n × 2."""
        return np.frombuffer(bytes(self.coordinates), "<f4").reshape(-1, 2)
