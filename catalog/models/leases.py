"""Rows that workers lease while they work on them."""

from django.db import models


class Leasable(models.Model):
    """A row that a worker leases while it works on it. See `services.jobs.leases`."""

    lease_owner = models.CharField(max_length=100, blank=True, default="", editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True
