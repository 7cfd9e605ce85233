"""Images and how people group them."""

from pathlib import PurePosixPath
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models.leases import Leasable
from catalog.querysets import ImageQuerySet

models.CharField.register_lookup(Length)


# Formats that every browser displays. For the others, pages show the thumbnail.
BROWSER_FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"}


class Collection(models.Model):
    """A named group of images. An image belongs to at most one."""

    name = models.CharField(_("name"), max_length=120, unique=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="collection_name_not_empty")]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A label. An image has any number of them."""

    name = models.CharField(_("name"), max_length=60, unique=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="tag_name_not_empty")]

    def __str__(self) -> str:
        return self.name


class Image(Leasable):
    """A catalogue entry: an original file, its thumbnail, and its indexing status."""

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
    source = models.CharField(_("file name"), max_length=255, help_text=_("The name of the file when it was added."))
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
    created_at = models.DateTimeField(pgettext_lazy("date", "added"), auto_now_add=True)

    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.PENDING, editable=False)
    failure_reason = models.CharField(_("failure reason"), max_length=500, blank=True, editable=False)
    # Of other images, when they were last pending.
    pending_since = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar = ImageQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes = [
            models.Index(fields=["status", "-id"]),
            models.Index(fields=["attempts", "id"], condition=Q(status="pending"), name="image_queue"),
            models.Index(fields=["status", "pending_since"], name="image_pending_since"),
            models.Index(fields=["collection", "-id"]),
            models.Index(fields=["format"]),
            models.Index(fields=["created_at"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(sha256__length=64), name="image_sha256_length"),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0, bytes__gt=0), name="image_size_positive"),
            models.CheckConstraint(condition=Q(status__in=["pending", "indexed", "failed"]), name="image_status_valid"),
            models.CheckConstraint(
                condition=Q(status="failed") & ~Q(failure_reason="") | ~Q(status="failed") & Q(failure_reason=""),
                name="image_failure_reason_if_failed",
            ),
            models.CheckConstraint(condition=Q(lease_owner="") | Q(status="pending"), name="image_lease_only_pending"),
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
        return self.original_url if self.format in BROWSER_FORMATS else self.thumbnail_url
