"""Comparisons of networks requested in the admin, and the choice of a network for a rebuild."""

import pytest
from django.urls import reverse

from catalog import tasks
from catalog.models import NetworkComparison, Rebuild
from catalog.services.index import rebuild_queue, spaces
from catalog.services.maintenance import comparison_queue
from tests import indexed_images
from tests.services.maintenance.labelled_pictures import add_kinds, write_small_network

ADD_URL = "/admin/catalog/networkcomparison/add/"
ADD_REBUILD_URL = "/admin/catalog/rebuild/add/"


def comparison_page(client):
    return client.get(reverse("admin:catalog_networkcomparison_change", args=[NetworkComparison.objects.get().pk]))


@pytest.fixture
def images_without_files(db):
    return indexed_images.add_indexed_images(indexed_images.clustered_vectors(4, 6))


def test_requested_comparison_is_run_by_worker_and_shown(admin, small_comparison, picture, settings, superuser):
    add_kinds(picture, 4, 5)
    write_small_network(settings.MODELS_DIR / "broken.onnx").write_bytes(b"nothing")
    assert "Start comparison" in admin.get(ADD_URL).content.decode()
    response = admin.post(ADD_URL, {"labels": "", "sample": 20})
    comparison = NetworkComparison.objects.get()
    assert response.url == reverse("admin:catalog_networkcomparison_change", args=[comparison.pk])
    assert comparison.created_by == superuser
    waiting = comparison_page(admin)
    assert "Waiting for a worker" in waiting.content.decode()
    assert waiting["Refresh"]
    tasks.run_comparisons()
    done = comparison_page(admin)
    assert "Refresh" not in done.headers
    for text in (
        "Compared on 20 images.",
        "efficientnet-lite2 (in use)",
        "Turned by 5°",
        "The catalogue uses it already",
    ):
        assert text in done.content.decode()
    assert "<strong>onnx:broken</strong>" in done.content.decode()
    assert "efficientnet-lite2" in admin.get("/admin/catalog/networkcomparison/").content.decode()


def test_comparison_page_shows_progress(admin, images_without_files):
    admin.post(ADD_URL, {"sample": 20})
    NetworkComparison.objects.update(state="running", phase="extracting", done=64, total=100)
    page = comparison_page(admin).content.decode()
    assert 'extracting <progress value="64" max="100">' in page
    assert "64 of 100" in page


def test_comparison_page_shows_error(admin, images_without_files, small_comparison):
    admin.post(ADD_URL, {"sample": 20})
    comparison_queue.run_waiting()
    assert NetworkComparison.objects.get().state == "failed"
    assert "whose originals can be read, but there are 0." in comparison_page(admin).content.decode()


def test_second_concurrent_comparison_is_rejected(admin, images_without_files):
    admin.post(ADD_URL, {"sample": 20})
    assert "The networks are already being compared." in admin.post(ADD_URL, {"sample": 20}).content.decode()
    assert NetworkComparison.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample": 19}, "greater than or equal to 20"),
        ({"sample": 3000}, "less than or equal to 2000"),
        ({"sample": 500}, "but there are 6."),
        ({"sample": 500, "labels": "tag"}, "Comparing networks by tags needs 20 or more"),
    ],
)
def test_form_errors_are_explained(admin, catalogue, fields, message):
    assert message in admin.post(ADD_URL, fields).content.decode()
    assert not NetworkComparison.objects.exists()


def test_comparison_requires_permission(staff, catalogue):
    viewer = staff("view_generation", "view_networkcomparison")
    assert "Compare networks" not in viewer.get("/admin/catalog/generation/").content.decode()
    assert viewer.get(ADD_URL).status_code == 403


def test_rebuild_offers_the_networks_at_hand(admin, catalogue, settings, small_comparison):
    path = write_small_network(settings.MODELS_DIR / "small.onnx")
    page = admin.get(ADD_REBUILD_URL).content.decode()
    assert f'<option value="{path}">small.onnx</option>' in page
    assert '<option value="vgg16">' not in page
    admin.post(ADD_REBUILD_URL, {"reextract": "on", "extractor": str(path)})
    rebuild_queue.run_waiting()
    assert spaces.active_space().extractor == "onnx:small"


def test_rebuild_with_an_unusable_network_is_rejected(admin, catalogue, settings, small_comparison):
    path = write_small_network(settings.MODELS_DIR / "small.onnx")
    path.with_suffix(".toml").unlink()
    page = admin.post(ADD_REBUILD_URL, {"reextract": "on", "extractor": str(path)}).content.decode()
    assert "needs a description beside it" in page
    assert (
        "is not one of the available choices"
        in admin.post(ADD_REBUILD_URL, {"reextract": "on", "extractor": "/etc/passwd"}).content.decode()
    )
    assert not Rebuild.objects.exists()
