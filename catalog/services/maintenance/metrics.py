"""The metrics of the site, in the text format of Prometheus."""

from collections.abc import Iterator
from contextlib import suppress

from django.db import Error
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from catalog.models import Descriptor, Image, Segment
from catalog.services.backup import daily
from catalog.services.index import spaces
from catalog.services.maintenance import health
from catalog.services.monitoring import beat_sign, process_metrics


def render_metrics() -> bytes:
    """Return what all processes have counted, and the state of the catalogue at this moment."""
    registry = CollectorRegistry()
    registry.register(_Collector())
    return generate_latest(registry)


class _Collector:
    """Reads the metrics when Prometheus asks for them."""

    def collect(self) -> Iterator[Metric]:
        yield from process_metrics.read_all()
        beat_seconds = beat_sign.seconds_since()
        if beat_seconds is not None:
            yield _gauge("beat_seconds", "Seconds since the last sign of celery beat.", beat_seconds)
        with suppress(OSError):  # the folder cannot be read
            if last_backup_at := daily.last_backup_at():
                yield _gauge(
                    "last_backup_timestamp_seconds",
                    "When the last daily backup was completed, in seconds since 1970.",
                    last_backup_at.timestamp(),
                )
        try:
            yield from [*_catalogue_metrics()]
            database_up = 1
        except Error:
            database_up = 0
        yield _gauge("database_up", "Whether the database answers.", database_up)


def _catalogue_metrics() -> Iterator[Metric]:
    images = GaugeMetricFamily("imagesearch_images", "Images by status.", labels=["status"])
    counts = health.count_by_status()
    for status, number in counts.items():
        images.add_metric([status], number)
    yield images
    yield _gauge("queue_length", "Images that wait to be indexed.", counts[Image.Status.PENDING])
    since = Image.objects.waiting_since()
    seconds = (timezone.now() - since).total_seconds() if since else 0.0
    yield _gauge("queue_seconds", "How long the first image in the queue has waited.", seconds)
    generation = spaces.active_generation()
    yield _gauge(
        "generation", "Number of the active generation; 0 before the first.", generation.pk if generation else 0
    )
    if generation:
        segments = Segment.objects.filter(space=generation.space_id)
        live = Descriptor.objects.filter(space=generation.space_id, image__isnull=False)
        yield _gauge("index_images", "Images in the index of the active generation.", live.count())
        yield _gauge("index_segments", "Segments of the active generation.", segments.count())


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(f"imagesearch_{name}", description, value=value)
