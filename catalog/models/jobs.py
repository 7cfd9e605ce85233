"""Jobs that workers run: rebuilds of the index, comparisons of networks and bulk imports."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models.images import Collection, Image
from catalog.models.index import Generation
from catalog.models.leases import Leasable
from catalog.querysets import LeaseQuerySet


class Job(Leasable):
    """A job that somebody requests and a worker runs. See `services.jobs.queue`."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for a worker")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("requested by"), null=True, on_delete=models.SET_NULL
    )
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    failure_reason = models.CharField(max_length=500, blank=True)

    objects: ClassVar = LeaseQuerySet.as_manager()

    class Meta:
        abstract = True


class LongJob(Job):
    """A job with progress in phases. See `services.jobs.progress`."""

    phase = models.CharField(max_length=60, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)

    class Meta(Job.Meta):
        abstract = True


class Rebuild(LongJob):
    """A requested rebuild of the index, run by a worker."""

    reextract = models.BooleanField(
        _("extract all descriptors again"), default=False, help_text=_("From the originals. This takes a long time.")
    )
    extractor = models.CharField(
        max_length=1000, blank=True, help_text="a value of IMAGESEARCH_EXTRACTOR; empty: default network"
    )
    labels = models.CharField(
        max_length=10, blank=True, help_text="one of image_labels.LABEL_KINDS; empty: unsupervised codes"
    )
    bits = models.PositiveIntegerField(null=True, blank=True)
    generation = models.ForeignKey(Generation, verbose_name=_("new generation"), null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("rebuild")
        verbose_name_plural = _("rebuilds")

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"


class NetworkComparison(LongJob):
    """A requested comparison of the networks at hand, run by a worker."""

    labels = models.CharField(
        max_length=10, blank=True, help_text="one of image_labels.LABEL_KINDS; empty: those that the catalogue has"
    )
    sample = models.PositiveIntegerField(_("images"), help_text="the largest number of images to compare on")
    result = models.JSONField(null=True, help_text="services.maintenance.network_comparison.Comparison.as_json")

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("network comparison")
        verbose_name_plural = _("network comparisons")

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"


class Import(Job):
    """A bulk import of an uploaded archive or a folder on the server, run by a worker."""

    archive = models.CharField(max_length=120, blank=True, editable=False, help_text="below var/imports/")
    folder = models.CharField(max_length=1000, blank=True)
    name = models.CharField(_("source"), max_length=255)
    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), null=True, blank=True, on_delete=models.SET_NULL
    )
    collections_from_folders = models.BooleanField(_("one collection per folder"), default=False)
    file_count = models.PositiveIntegerField(_("files"), null=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("bulk import")
        verbose_name_plural = _("bulk imports")
        constraints = [
            models.CheckConstraint(
                condition=Q(archive="") & ~Q(folder="") | ~Q(archive="") & Q(folder=""),
                name="import_archive_xor_folder",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ImportedFile(models.Model):
    """The result for one file of a bulk import."""

    class Outcome(models.TextChoices):
        ADDED = "added", pgettext_lazy("upload result", "added")
        DUPLICATE = "duplicate", _("duplicate")
        REJECTED = "rejected", _("rejected")

    bulk_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    position = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=500, blank=True)
    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["bulk_import", "position"], name="imported_file_unique_position")
        ]

    def __str__(self) -> str:
        return self.name
