"""Saved searches."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SavedSearch(models.Model):
    """A named search of a user. Its query photos are kept as long as it exists."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(_("name"), max_length=120)
    url = models.CharField(max_length=2000, help_text="path and query string of the results page")
    last_seen_image_id = models.BigIntegerField(default=0, help_text="images with larger ids are new matches")
    new_count = models.PositiveIntegerField(default=0, help_text="how many new matches there were when it was counted")
    counted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="saved_search_name_not_empty")]

    def __str__(self) -> str:
        return self.name


class SavedPhoto(models.Model):
    """A saved search's own copy of a query photo. Other query photos are files, and expire."""

    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="photos")
    token = models.CharField(max_length=40, db_index=True)
    label = models.CharField(max_length=255)
    picture = models.BinaryField(help_text="WebP without metadata")
    space_key = models.CharField(max_length=120)
    descriptor = models.BinaryField(help_text="float32, little-endian")

    class Meta:
        constraints = [models.UniqueConstraint(fields=("search", "token"), name="saved_photo_stored_once")]

    def __str__(self) -> str:
        return self.label
