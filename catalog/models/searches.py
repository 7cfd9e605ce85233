"""Query photos and saved searches."""

import secrets
from io import BytesIO

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from PIL import Image as PILImage


def generate_token() -> str:
    return secrets.token_urlsafe(16)


class QueryPhoto(models.Model):
    """A photo that somebody searches with. It never enters the catalogue, and is deleted when it expires."""

    token = models.CharField(max_length=40, unique=True, default=generate_token)
    owner = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="who searched: the id of an account, or a keyed digest of an address",
    )
    digest = models.CharField(max_length=64, default="", help_text="SHA-256 of the uploaded file")
    label = models.CharField(max_length=255)
    picture = models.BinaryField(help_text="WebP without metadata")
    picture_bytes = models.PositiveIntegerField(default=0, help_text="size of the stored picture")
    space_key = models.CharField(max_length=120)
    descriptor = models.BinaryField(help_text="float32, little-endian")
    expires_at = models.DateTimeField(null=True, help_text="null: kept as long as a saved search needs it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("owner", "digest", "label"), name="query_photo_stored_once")]
        # All that the quota needs, so that no pictures are read for it.
        indexes = [models.Index(fields=("expires_at", "owner", "picture_bytes"), name="query_photo_quota")]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("results", args=[self.token])

    @property
    def picture_url(self) -> str:
        return reverse("query_photo", args=[self.token])

    def size(self) -> tuple[int, int]:
        """Width and height of the stored photo, in pixels."""
        return PILImage.open(BytesIO(bytes(self.picture))).size


class SavedSearch(models.Model):
    """A named search of a user. Its query photos are kept as long as it exists."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(_("name"), max_length=120)
    url = models.CharField(max_length=2000, help_text="path and query string of the results page")
    photos = models.ManyToManyField(QueryPhoto, related_name="saved_searches")
    last_seen_image_id = models.BigIntegerField(default=0, help_text="images with larger ids are new matches")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="saved_search_name_not_empty")]

    def __str__(self) -> str:
        return self.name
