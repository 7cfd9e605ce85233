"""Who may read the metrics, and what they say."""

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from catalog.models import Image
from catalog.services.ingest import uploads
from catalog.services.maintenance import metrics
from catalog.services.monitoring import beat_sign, process_metrics

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_process():
    """As if this process had just started."""
    process_metrics._process_metrics.cache_clear()


def read(text: bytes) -> dict[str, float]:
    samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    return {sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value for sample in samples}


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer \xff"])
def test_others_learn_nothing_of_the_metrics(client, settings, uploader, header):
    settings.METRICS_TOKEN = "s3cret"
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 404
    client.force_login(uploader)
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", ""])
def test_no_token_is_configured_by_default(client, header):
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_the_token_opens_the_metrics_without_a_session(client, settings):
    settings.METRICS_TOKEN = "s3cret"
    response = client.get("/metrics", headers={"Authorization": "Bearer s3cret"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert not response.cookies


def test_staff_may_read_the_metrics(client, superuser):
    client.force_login(superuser)
    assert client.get("/metrics").status_code == 200


def test_the_metrics_describe_catalogue_queue_and_index(client, catalogue, picture):
    beat_sign.record()
    uploads.add_picture(picture(90), "new.jpg")
    catalogue[0].delete()
    values = read(metrics.render_metrics())
    assert values["imagesearch_images indexed"] == 5
    assert values["imagesearch_queue_length"] == 1
    assert 0 < values["imagesearch_queue_seconds"] < 60
    assert values["imagesearch_index_images"] == 5
    assert values["imagesearch_index_segments"] == 1
    assert values["imagesearch_generation"] > 0
    assert values["imagesearch_beat_seconds"] < 60
    assert values["imagesearch_database_up"] == 1


def test_the_metrics_tell_the_time_of_the_last_backup(db, settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "backups"
    assert "imagesearch_last_backup_timestamp_seconds" not in read(metrics.render_metrics())
    settings.BACKUP_DIR.mkdir()
    backup = settings.BACKUP_DIR / "imagesearch-2020-01-01T030000Z.tar"
    backup.touch()
    values = read(metrics.render_metrics())
    assert values["imagesearch_last_backup_timestamp_seconds"] == pytest.approx(backup.stat().st_mtime)


def test_a_search_on_the_page_shows_in_the_metrics(client, catalogue):
    assert client.get(catalogue[0].similar_url).status_code == 200
    client.get("/images/")
    values = read(metrics.render_metrics())
    assert values["imagesearch_searches_total answered"] == 1
    assert values["imagesearch_stage_seconds_count rank"] == 1
    assert values["imagesearch_stage_seconds_count render"] == 1
    assert any(name.startswith("imagesearch_cache_lookups_total facets") for name in values)


def test_the_metrics_tell_that_the_database_is_away(monkeypatch):
    def refuse(*args: object) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr(Image.objects, "order_by", refuse)
    assert read(metrics.render_metrics())["imagesearch_database_up"] == 0
