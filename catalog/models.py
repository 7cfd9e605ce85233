"""The catalogue's nouns: images and how people group them, and the rows that say what the store holds."""

import secrets
from io import BytesIO
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from PIL import Image as Pixels

from catalog.querysets import ClaimQuerySet, ImageQuerySet

models.CharField.register_lookup(Length)

# What every browser shows by itself; of the others it is shown the thumbnail.
SHOWN_BY_BROWSERS = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"}


class Collection(models.Model):
    """A named group; an image is in one at most."""

    name = models.CharField(_("name"), max_length=120, unique=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="collection_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A word; an image carries any number."""

    name = models.CharField(_("name"), max_length=60, unique=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="tag_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Claimable(models.Model):
    """A row that a worker takes for itself for a while. See `services.claims`."""

    claim = models.CharField(max_length=100, blank=True, default="", editable=False)
    claim_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


class Image(Claimable):
    """One catalogue entry: an original file, its thumbnail, and where it stands on the way to being searchable."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        INDEXED = "indexed", _("searchable")
        FAILED = "failed", _("failed")

    sha256 = models.CharField("SHA-256", max_length=64, unique=True, editable=False)
    original = models.FileField(_("original"), max_length=120, editable=False)
    thumbnail = models.FileField(_("thumbnail"), max_length=120, editable=False)
    thumbnail_width = models.PositiveIntegerField(editable=False)
    thumbnail_height = models.PositiveIntegerField(editable=False)
    format = models.CharField(_("format"), max_length=10, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    bytes = models.PositiveBigIntegerField(_("size in bytes"), editable=False)

    title = models.CharField(_("title"), max_length=200, blank=True)
    source = models.CharField(_("file name"), max_length=255, help_text=_("What the file was called when it came in."))
    collection = models.ForeignKey(
        Collection,
        verbose_name=_("collection"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="images",
    )
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="images")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("uploaded by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING, editable=False)
    failure_reason = models.CharField(_("why it failed"), max_length=500, blank=True, editable=False)

    objects: ClassVar = ImageQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes = [
            models.Index(fields=["status", "-id"]),
            models.Index(fields=["attempts", "id"], condition=Q(status="pending"), name="image_queue"),
            models.Index(fields=["collection", "-id"]),
            models.Index(fields=["format"]),
            models.Index(fields=["created_at"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__length=64), name="image_sha256_is_whole"),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0, bytes__gt=0), name="image_has_a_size"),
            models.CheckConstraint(condition=Q(status__in=["pending", "indexed", "failed"]), name="image_status_known"),
            models.CheckConstraint(
                condition=Q(status="failed") & ~Q(failure_reason="") | ~Q(status="failed") & Q(failure_reason=""),
                name="image_failed_with_a_reason",
            ),
            models.CheckConstraint(condition=Q(claim="") | Q(status="pending"), name="image_claimed_while_pending"),
        ]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("image", args=[self.pk])

    @property
    def label(self) -> str:
        return self.title or PurePosixPath(self.source).name

    @property
    def similar_url(self) -> str:
        return reverse("similar", args=[self.pk])

    @property
    def admin_url(self) -> str:
        return reverse("admin:catalog_image_change", args=[self.pk])

    @property
    def thumbnail_url(self) -> str:
        return reverse("thumbnail", args=[self.sha256])

    @property
    def original_url(self) -> str:
        return reverse("original", args=[self.sha256])

    @property
    def display_url(self) -> str:
        return self.original_url if self.format in SHOWN_BY_BROWSERS else self.thumbnail_url


class FeatureSpace(models.Model):
    """The identity of an extractor's output. Descriptors of two spaces are never compared."""

    key = models.CharField(max_length=120, unique=True)
    extractor = models.CharField(max_length=40)
    description = models.JSONField(help_text="features.spaces.Space, whole")

    class Meta:
        verbose_name = _("feature space")
        verbose_name_plural = _("feature spaces")

    def __str__(self) -> str:
        return self.key


class Segment(models.Model):
    """A segment file that belongs to the store. A file that no row names is litter."""

    space = models.ForeignKey(FeatureSpace, on_delete=models.PROTECT, related_name="segments")
    name = models.CharField(max_length=120, unique=True, help_text="below var/features/")
    rows = models.PositiveIntegerField()
    checksum = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [models.CheckConstraint(condition=Q(rows__gt=0), name="segment_has_rows")]

    def __str__(self) -> str:
        return self.name


class Descriptor(models.Model):
    """Where one image's descriptor of one space lies. Without an image the row of the segment is dead."""

    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="descriptors")
    space = models.ForeignKey(FeatureSpace, on_delete=models.PROTECT)
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="descriptors")
    row = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "row"], name="descriptor_one_a_row"),
            # Nothing is searchable twice: NULLs are distinct, so this binds living images alone.
            models.UniqueConstraint(fields=["image", "space"], name="descriptor_one_an_image_and_space"),
        ]
        indexes = [models.Index(fields=["segment", "row"], condition=Q(image=None), name="descriptor_dead")]

    def __str__(self) -> str:
        return f"{self.segment_id}:{self.row}"


class Projection(models.Model):
    """The whitening of a generation. In a row of its own, so that nobody reads it with the generation."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the numbers")
    numbers = models.BinaryField(help_text="vectors.projection.Projection")

    def __str__(self) -> str:
        return self.digest


class Coder(models.Model):
    """What makes the codes of a generation. In a row of its own, as its projection is."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the numbers")
    bits = models.PositiveIntegerField()
    numbers = models.BinaryField(help_text="vectors.codes.Coder")

    def __str__(self) -> str:
        return self.digest


class Generation(models.Model):
    """One build of everything derived from the store. One is active; a new one is built beside it."""

    class State(models.TextChoices):
        BUILDING = "building", _("being built")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    space = models.ForeignKey(FeatureSpace, on_delete=models.PROTECT, related_name="generations")
    state = models.CharField(max_length=10, choices=State, default=State.BUILDING)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    learned_from = models.PositiveIntegerField(default=0, help_text="how many images taught what follows")
    projection = models.ForeignKey(Projection, null=True, on_delete=models.PROTECT)
    coder = models.ForeignKey(Coder, null=True, on_delete=models.PROTECT)
    candidates = models.PositiveIntegerField(null=True, help_text="how many the codes choose; null: not measured")
    recall = models.FloatField(null=True, help_text="at 10, of so many candidates")
    code_quality = models.JSONField(null=True, help_text="vectors.latent.Quality and what taught; null: no labels did")
    calibration = models.JSONField(null=True, help_text="vectors.calibration.Calibration; null: too few images")

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="generation_one_active"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="building"), name="generation_one_building"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.space})"


class Rebuild(Claimable):
    """A rebuild of the index that somebody asked for, and that a worker runs."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for a worker")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    reextract = models.BooleanField(
        _("describe every original again"), default=False, help_text=_("In a new feature space. That takes long.")
    )
    extractor = models.CharField(max_length=40, blank=True, help_text="a name in extractors.RECIPES; empty: preferred")
    labels = models.CharField(max_length=10, blank=True, help_text="a name in labels.KINDS; empty: codes without")
    bits = models.PositiveIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    phase = models.CharField(max_length=60, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    generation = models.ForeignKey(Generation, verbose_name=_("made generation"), null=True, on_delete=models.SET_NULL)
    failure_reason = models.CharField(max_length=500, blank=True)

    objects: ClassVar = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("rebuild")
        verbose_name_plural = _("rebuilds")

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"


class Import(Claimable):
    """A bulk import that a worker runs: a ZIP somebody sent, or a folder on the server."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for a worker")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    archive = models.CharField(max_length=120, blank=True, editable=False, help_text="below var/imports/")
    folder = models.CharField(max_length=1000, blank=True)
    name = models.CharField(_("source"), max_length=255)
    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), null=True, blank=True, on_delete=models.SET_NULL
    )
    collections_from_folders = models.BooleanField(_("a collection for each folder"), default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    found = models.PositiveIntegerField(null=True)
    failure_reason = models.CharField(max_length=500, blank=True)

    objects: ClassVar = ClaimQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("bulk import")
        verbose_name_plural = _("bulk imports")
        constraints = [
            models.CheckConstraint(
                condition=Q(archive="") & ~Q(folder="") | ~Q(archive="") & Q(folder=""),
                name="import_from_one_place",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ImportedFile(models.Model):
    """What became of one file of a bulk import."""

    class Outcome(models.TextChoices):
        ADDED = "added", _("added")
        DUPLICATE = "duplicate", _("already there")
        REFUSED = "refused", _("refused")

    run = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    position = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=500, blank=True)
    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("position",)
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="imported_file_told_once")]

    def __str__(self) -> str:
        return self.name


def new_token() -> str:
    return secrets.token_urlsafe(16)


class QueryPhoto(models.Model):
    """A photo somebody searches with. It is never part of the catalogue, and is swept when it expires."""

    token = models.CharField(max_length=40, unique=True, default=new_token)
    label = models.CharField(max_length=255)
    picture = models.BinaryField(help_text="WebP without metadata")
    space_key = models.CharField(max_length=120)
    descriptor = models.BinaryField(help_text="float32, little-endian")
    expires_at = models.DateTimeField(null=True, db_index=True, help_text="empty: kept with a saved search")

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("results", args=[self.token])

    @property
    def picture_url(self) -> str:
        return reverse("query_photo", args=[self.token])

    def size(self) -> tuple[int, int]:
        """Width and height of the kept picture, in pixels."""
        return Pixels.open(BytesIO(bytes(self.picture))).size


class SavedSearch(models.Model):
    """A search that somebody named and keeps. Its photos are kept with it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(_("name"), max_length=120)
    address = models.CharField(max_length=2000, help_text="path and query of its results page")
    photos = models.ManyToManyField(QueryPhoto, related_name="saved_searches")
    seen_up_to = models.BigIntegerField(default=0, help_text="images with larger numbers are new to its owner")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="saved_search_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Layout(models.Model):
    """The catalogue on a plane, by likeness: made of what a generation compares."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="layouts")
    images = models.PositiveIntegerField(help_text="how many there were, of which some are drawn where they are many")
    image_ids = models.BinaryField(help_text="int64, little-endian")
    places = models.BinaryField(help_text="float32, little-endian: x and y of each, within 0 and 1")
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"layout {self.pk}"

    def ids(self) -> np.ndarray:
        """The images: int64, n."""
        return np.frombuffer(bytes(self.image_ids), "<i8")

    def positions(self) -> np.ndarray:
        """Where they lie: float32, n × 2."""
        return np.frombuffer(bytes(self.places), "<f4").reshape(-1, 2)
