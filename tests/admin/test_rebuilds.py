"""Rebuilds requested in the admin, their progress page, and rollbacks."""

import pytest
from django.urls import reverse

from catalog import locks
from catalog.models import Collection, Generation, Image, Rebuild
from catalog.services.index import rebuild_queue, rebuilding, spaces
from catalog.services.index.training.code_specs import CodeSpec
from tests import indexed_images

ADD_URL = "/admin/catalog/rebuild/add/"
ROLLBACK_URL = "/admin/catalog/generation/rollback/"
GENERATIONS_URL = "/admin/catalog/generation/"


def rebuild_page(client, rebuild: Rebuild):
    return client.get(reverse("admin:catalog_rebuild_change", args=[rebuild.pk]))


def test_requested_rebuild_is_run_by_worker_and_shown(admin, catalogue, superuser):
    before = spaces.active_generation()
    response = admin.post(ADD_URL, {})
    rebuild_request = Rebuild.objects.get()
    assert response.url == reverse("admin:catalog_rebuild_change", args=[rebuild_request.pk])
    assert rebuild_request.created_by == superuser
    waiting = rebuild_page(admin, rebuild_request)
    assert "Waiting for a worker" in waiting.content.decode()
    assert waiting["Refresh"]
    rebuild_queue.run_waiting()
    done = rebuild_page(admin, rebuild_request)
    assert "Refresh" not in done.headers
    assert f"Generation {spaces.active_generation().pk}, feature space " in done.content.decode()
    assert spaces.active_generation() != before


def test_rebuild_page_shows_progress(admin, catalogue):
    admin.post(ADD_URL, {})
    Rebuild.objects.update(state="running", phase="extracting", done=64, total=100)
    page = rebuild_page(admin, Rebuild.objects.get()).content.decode()
    assert 'extracting <progress value="64" max="100">' in page
    assert "64 of 100" in page


@pytest.mark.parametrize("requested_by", ["admin", "command"])
def test_second_concurrent_rebuild_is_rejected(admin, catalogue, settings, requested_by):
    if requested_by == "admin":
        admin.post(ADD_URL, {})
        response = admin.post(ADD_URL, {})
    else:
        with locks.file_lock(settings.LOCKS_DIR / "rebuild.lock"):
            response = admin.post(ADD_URL, {})
    assert "The index is already being rebuilt." in response.content.decode()
    assert Rebuild.objects.count() == (1 if requested_by == "admin" else 0)


def test_reextraction_extracts_every_original_again(admin, catalogue):
    before = spaces.active_space()
    admin.post(ADD_URL, {"reextract": "on", "extractor": "efficientnet-lite2"})
    rebuild_queue.run_waiting()
    assert Rebuild.objects.get().state == "done"
    assert spaces.active_space() != before
    assert Image.objects.indexed().count() == 6


def test_another_network_without_extracting_again_is_explained(admin, catalogue):
    page = admin.post(ADD_URL, {"extractor": "efficientnet-lite2"}).content.decode()
    assert "To change the network, also select" in page
    assert not Rebuild.objects.exists()


def test_untrainable_labels_are_rejected_on_form(admin, catalogue):
    assert "needs 100 or more searchable images" in admin.post(ADD_URL, {"labels": "collection"}).content.decode()
    assert not Rebuild.objects.exists()


@pytest.mark.slow
def test_codes_are_trained_from_labels(admin, db):
    indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(6, 20), collections=[f"Kind {number // 20}" for number in range(120)]
    )
    admin.post(ADD_URL, {"labels": "collection"})
    rebuild_queue.run_waiting()
    assert "Trained on 6 collections" in rebuild_page(admin, Rebuild.objects.get()).content.decode()


def test_rebuild_page_shows_error(admin, catalogue):
    rebuild_request = rebuild_queue.enqueue(code_spec=CodeSpec(labels=None), user=None)
    Rebuild.objects.update(labels="collection")  # of collections that are deleted below
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    Collection.objects.all().delete()
    rebuild_queue.run_waiting()
    page = rebuild_page(admin, rebuild_request).content.decode()
    assert "There are too few collections to learn from" in page
    assert "The previous index is still in use." in page


def test_previous_generation_is_restored_after_confirmation(admin, catalogue):
    first, second = spaces.active_generation(), rebuilding.rebuild().generation
    assert f"Searches will use generation {first.pk} again." in admin.get(ROLLBACK_URL).content.decode()
    assert spaces.active_generation() == second
    assert f"Generation {first.pk} is active again." in admin.post(ROLLBACK_URL, follow=True).content.decode()
    assert spaces.active_generation() == first


def test_rollback_without_previous_generation_is_reported(admin, catalogue):
    for request in (admin.get, admin.post):
        assert "There is no previous generation" in request(ROLLBACK_URL, follow=True).content.decode()


def test_rebuild_requires_permission(staff, catalogue):
    viewer = staff("view_generation", "view_rebuild")
    assert "Rebuild the index" not in viewer.get(GENERATIONS_URL).content.decode()
    assert viewer.get(ADD_URL).status_code == viewer.post(ROLLBACK_URL).status_code == 403
    assert Generation.objects.count() == 1
