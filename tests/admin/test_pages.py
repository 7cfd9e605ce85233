"""Every page of the admin opens, for those who may see it."""

import pytest
from django.contrib import admin as django_admin
from django.urls import reverse

from catalog.models import Collection, Generation, Segment, Tag


def test_every_list_and_form_opens(admin, catalogue):
    Collection.objects.create(name="Bags")
    Tag.objects.create(name="red")
    for model in django_admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert admin.get(reverse(f"{name}_changelist")).status_code == 200, model
        assert admin.get(reverse(f"{name}_add")).status_code in (200, 403), model
        one = model.objects.first()
        if one:
            for page in ("change", "history"):
                assert admin.get(reverse(f"{name}_{page}", args=[one.pk])).status_code == 200, (model, page)
            assert admin.get(reverse(f"{name}_delete", args=[one.pk])).status_code in (200, 403), model


def test_the_front_page_tells_of_the_compact_network(admin, catalogue):
    page = admin.get("/admin/").content.decode()
    assert "small bundled network" in page
    assert "rebuild_index --reextract" in page


@pytest.mark.parametrize("model", [Generation, Segment])
def test_what_the_store_holds_is_looked_at_and_not_changed(admin, catalogue, model):
    one = model.objects.get()
    name = f"admin:catalog_{model._meta.model_name}"
    change = reverse(f"{name}_change", args=[one.pk])
    assert str(one.space) in admin.get(change).content.decode()
    assert admin.post(change, {"state": "retired"}).status_code == 403
    assert admin.post(reverse(f"{name}_delete", args=[one.pk]), {"post": "yes"}).status_code == 403
    assert admin.get(reverse(f"{name}_add")).status_code == 403


def test_groups_are_listed_with_how_many_images_they_hold(admin, catalogue):
    bags = Collection.objects.create(name="Bags")
    bags.images.add(*catalogue[:4])
    assert ">4<" in admin.get("/admin/catalog/collection/").content.decode().replace("\n", "")


def test_a_group_can_be_made_renamed_and_deleted_and_its_images_stay(admin, catalogue):
    admin.post("/admin/catalog/collection/add/", {"name": "Bags"})
    bags = Collection.objects.get(name="Bags")
    bags.images.add(*catalogue[:2])
    admin.post(f"/admin/catalog/collection/{bags.pk}/change/", {"name": "Handbags"})
    bags.refresh_from_db()
    assert bags.name == "Handbags"
    admin.post(f"/admin/catalog/collection/{bags.pk}/delete/", {"post": "yes"})
    assert not Collection.objects.exists()
    catalogue[0].refresh_from_db()
    assert catalogue[0].collection is None


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 121])
def test_a_bad_name_of_a_group_is_said_beside_its_field(admin, name):
    answer = admin.post("/admin/catalog/collection/add/", {"name": name})
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()


def test_a_name_that_is_taken_is_said_beside_its_field(admin):
    Collection.objects.create(name="Bags")
    assert "already exists" in admin.post("/admin/catalog/collection/add/", {"name": "Bags"}).content.decode()


def test_the_admin_is_only_for_staff(client, uploader):
    client.force_login(uploader)
    assert client.get("/admin/").status_code == 302
