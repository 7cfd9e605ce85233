"""Rebuilds asked for in the admin, followed on a page, and undone."""

import pytest
from django.urls import reverse

from catalog import locks
from catalog.models import Collection, Generation, Image, Rebuild
from catalog.services import rebuilding, spaces, wanted_rebuilds
from catalog.services.learning import Codes
from tests import described

ADD = "/admin/catalog/rebuild/add/"
ROLLBACK = "/admin/catalog/generation/rollback/"
GENERATIONS = "/admin/catalog/generation/"


def page_of(client, wanted: Rebuild):
    return client.get(reverse("admin:catalog_rebuild_change", args=[wanted.pk]))


def test_a_rebuild_is_asked_for_run_by_a_worker_and_followed(admin, catalogue, keeper):
    before = spaces.active()
    answer = admin.post(ADD, {})
    wanted = Rebuild.objects.get()
    assert answer.url == reverse("admin:catalog_rebuild_change", args=[wanted.pk])
    assert wanted.created_by == keeper
    waiting = page_of(admin, wanted)
    assert "Waiting for a worker" in waiting.content.decode()
    assert waiting["Refresh"]
    wanted_rebuilds.run_waiting()
    done = page_of(admin, wanted)
    assert "Refresh" not in done.headers
    assert f"Generation {spaces.active().pk} of" in done.content.decode()
    assert spaces.active() != before


def test_how_far_it_is_stands_on_its_page(admin, catalogue):
    admin.post(ADD, {})
    Rebuild.objects.update(state="running", phase="describing", done=64, total=100)
    page = page_of(admin, Rebuild.objects.get()).content.decode()
    assert 'describing <progress value="64" max="100">' in page
    assert "64 of 100" in page


@pytest.mark.parametrize("by", ["somebody here", "a command"])
def test_a_second_rebuild_is_refused_beside_one(admin, catalogue, settings, by):
    if by == "somebody here":
        admin.post(ADD, {})
        answer = admin.post(ADD, {})
    else:
        with locks.held(settings.LOCKS_DIR / "rebuild.lock"):
            answer = admin.post(ADD, {})
    assert "The index is being rebuilt already." in answer.content.decode()
    assert Rebuild.objects.count() == (1 if by == "somebody here" else 0)


def test_every_original_is_described_again(admin, catalogue):
    before = spaces.active_space()
    admin.post(ADD, {"reextract": "on", "extractor": "vgg16-compact"})
    wanted_rebuilds.run_waiting()
    assert Rebuild.objects.get().state == "done"
    assert spaces.active_space() != before
    assert Image.objects.indexed().count() == 6


def test_another_network_without_describing_again_is_explained(admin, catalogue):
    page = admin.post(ADD, {"extractor": "vgg16-compact"}).content.decode()
    assert "describing every original again" in page
    assert not Rebuild.objects.exists()


def test_labels_that_cannot_teach_are_refused_on_the_form(admin, catalogue):
    assert "from 100 searchable images on" in admin.post(ADD, {"labels": "collection"}).content.decode()
    assert not Rebuild.objects.exists()


def test_codes_are_learned_from_labels(admin, db):
    described.add(described.kinds(6, 20), collections=[f"Kind {number // 20}" for number in range(120)])
    admin.post(ADD, {"labels": "collection"})
    wanted_rebuilds.run_waiting()
    assert "Learned from 6 collections" in page_of(admin, Rebuild.objects.get()).content.decode()


def test_what_stops_a_rebuild_stands_on_its_page(admin, catalogue):
    wanted = wanted_rebuilds.ask(codes=Codes(labels=None), user=None)
    Rebuild.objects.update(labels="collection")  # of collections that are gone since
    described.add(described.kinds(12, 10))
    Collection.objects.all().delete()
    wanted_rebuilds.run_waiting()
    page = page_of(admin, wanted).content.decode()
    assert "cannot teach codes" in page
    assert "The generation that served before serves still." in page


def test_the_generation_before_is_brought_back_after_a_question(admin, catalogue):
    first, second = spaces.active(), rebuilding.rebuild().generation
    assert f"Generation {first.pk} serves again" in admin.get(ROLLBACK).content.decode()
    assert spaces.active() == second
    assert f"Generation {first.pk} serves again." in admin.post(ROLLBACK, follow=True).content.decode()
    assert spaces.active() == first


def test_without_a_generation_before_that_is_said(admin, catalogue):
    for ask in (admin.get, admin.post):
        assert "There is no generation before this one" in ask(ROLLBACK, follow=True).content.decode()


def test_only_who_may_rebuild_is_offered_it_and_can(staff, catalogue):
    looking = staff("view_generation", "view_rebuild")
    assert "Rebuild the index" not in looking.get(GENERATIONS).content.decode()
    assert looking.get(ADD).status_code == looking.post(ROLLBACK).status_code == 403
    assert Generation.objects.count() == 1
