"""Every page of the admin opens for those with permission."""

import pytest
from django.contrib import admin as django_admin
from django.urls import reverse

from catalog.models import Collection, Generation, Segment, Tag
from tests.removed_network import use_removed_network


@pytest.mark.slow
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


def test_index_page_warns_about_a_network_that_was_removed(admin, catalogue):
    use_removed_network()
    page = admin.get("/admin/").content.decode()
    assert "no longer part of the program" in page
    assert "rebuild_index --reextract" in page


@pytest.mark.parametrize("model", [Generation, Segment])
def test_store_models_are_read_only(admin, catalogue, model):
    one = model.objects.get()
    name = f"admin:catalog_{model._meta.model_name}"
    change = reverse(f"{name}_change", args=[one.pk])
    assert str(one.space) in admin.get(change).content.decode()
    assert admin.post(change, {"state": "retired"}).status_code == 403
    assert admin.post(reverse(f"{name}_delete", args=[one.pk]), {"post": "yes"}).status_code == 403
    assert admin.get(reverse(f"{name}_add")).status_code == 403


def test_groups_are_listed_with_image_count(admin, catalogue):
    collection = Collection.objects.create(name="Bags")
    collection.images.add(*catalogue[:4])
    assert ">4<" in admin.get("/admin/catalog/collection/").content.decode().replace("\n", "")


def test_deleting_group_keeps_its_images(admin, catalogue):
    admin.post("/admin/catalog/collection/add/", {"name": "Bags"})
    collection = Collection.objects.get(name="Bags")
    collection.images.add(*catalogue[:2])
    admin.post(f"/admin/catalog/collection/{collection.pk}/change/", {"name": "Handbags"})
    collection.refresh_from_db()
    assert collection.name == "Handbags"
    admin.post(f"/admin/catalog/collection/{collection.pk}/delete/", {"post": "yes"})
    assert not Collection.objects.exists()
    catalogue[0].refresh_from_db()
    assert catalogue[0].collection is None


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 121])
def test_invalid_group_name_is_reported_on_its_field(admin, name):
    response = admin.post("/admin/catalog/collection/add/", {"name": name})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()


def test_duplicate_name_is_reported_on_its_field(admin):
    Collection.objects.create(name="Bags")
    assert "already exists" in admin.post("/admin/catalog/collection/add/", {"name": "Bags"}).content.decode()


def test_admin_requires_staff_account(client, uploader):
    client.force_login(uploader)
    assert client.get("/admin/").status_code == 302
