"""Images in the admin: looked through, grouped, retried, deleted."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Collection, Image, Tag
from catalog.services import indexing, searching

from .conftest import act

LIST = "/admin/catalog/image/"


def listed(answer) -> set[int]:
    return {image.pk for image in answer.context["cl"].result_list}


def test_the_list_shows_thumbnails_and_leads_to_what_is_similar(admin, catalogue):
    page = admin.get(LIST).content.decode()
    for image in catalogue:
        assert f'src="{image.thumbnail_url}"' in page
        assert f'href="{image.similar_url}"' in page


def test_a_failed_image_shows_why_and_leads_to_nothing_similar(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="The file is damaged.")
    page = admin.get(LIST).content.decode()
    assert "The file is damaged." in page
    assert f'href="{catalogue[0].similar_url}"' not in page


def test_the_list_is_filtered_by_status_collection_and_tag(admin, catalogue):
    bags, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk=catalogue[0].pk).update(collection=bags)
    catalogue[1].tags.add(red)
    Image.objects.filter(pk=catalogue[2].pk).update(status="failed", failure_reason="It is a test.")
    for chosen, image in [
        ({"collection__id__exact": bags.pk}, catalogue[0]),
        ({"tags__id__exact": red.pk}, catalogue[1]),
        ({"status__exact": "failed"}, catalogue[2]),
    ]:
        assert listed(admin.get(LIST, chosen)) == {image.pk}


def test_the_list_is_searched_by_words_and_digest(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle")
    catalogue[1].tags.add(Tag.objects.create(name="kettle"))
    assert listed(admin.get(LIST, {"q": "kettle"})) == {catalogue[0].pk, catalogue[1].pk}
    assert listed(admin.get(LIST, {"q": catalogue[3].sha256})) == {catalogue[3].pk}


@pytest.mark.parametrize(
    "query", [{"q": "a\0b"}, {"p": "x"}, {"p": "99999"}, {"status__exact": "\0"}, {"o": "x"}, {"e": "1"}]
)
def test_odd_addresses_of_the_list_break_nothing(admin, catalogue, query):
    assert admin.get(LIST, query, follow=True).status_code == 200


def test_failed_images_are_put_back_into_the_queue(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is a test.")
    catalogue[0].descriptors.all().delete()
    answer = act(admin, "retry_failed", catalogue)
    assert "1 image waits again." in answer.content.decode()
    indexing.index_pending()
    catalogue[0].refresh_from_db()
    assert (catalogue[0].status, catalogue[0].failure_reason) == ("indexed", "")


def test_a_collection_is_asked_for_and_set(admin, catalogue):
    bags = Collection.objects.create(name="Bags")
    asked = act(admin, "set_collection", catalogue[:2])
    assert "2 images are put into this collection" in asked.content.decode()
    answer = act(admin, "set_collection", catalogue[:2], collection=bags.pk)
    assert "2 images moved." in answer.content.decode()
    assert set(bags.images.all()) == set(catalogue[:2])
    act(admin, "set_collection", catalogue[:1], collection="")
    assert bags.images.count() == 1


def test_a_collection_that_is_not_there_moves_nothing(admin, catalogue):
    bags = Collection.objects.create(name="Bags")
    Image.objects.update(collection=bags)
    for gone in ("987654", "x", "\0", "9" * 40):
        answer = act(admin, "set_collection", catalogue, collection=gone)
        assert "There is no such collection" in answer.content.decode(), gone
    assert bags.images.count() == len(catalogue)


def test_every_image_that_fits_the_list_can_be_moved_at_once(admin, catalogue):
    bags = Collection.objects.create(name="Bags")
    asked = act(admin, "set_collection", catalogue[:1], select_across="1")
    assert "6 images are put" in asked.content.decode()
    assert 'name="select_across" value="1"' in asked.content.decode()
    act(admin, "set_collection", catalogue[:1], select_across="1", collection=bags.pk)
    assert bags.images.count() == len(catalogue)


def test_deleted_images_are_gone_from_the_search_and_the_disk(admin, catalogue, django_capture_on_commit_callbacks):
    asked = act(admin, "delete_selected", catalogue[:2])
    assert "Are you sure" in asked.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        act(admin, "delete_selected", catalogue[:2], post="yes")
    found = searching.like(catalogue[2])
    assert {hit.image.pk for hit in found.hits} == {image.pk for image in catalogue[3:]}
    assert not default_storage.exists(str(catalogue[0].original))
    assert not default_storage.exists(str(catalogue[0].thumbnail))


def test_one_image_is_deleted_from_its_own_page(admin, catalogue, django_capture_on_commit_callbacks):
    address = reverse("admin:catalog_image_delete", args=[catalogue[0].pk])
    assert admin.get(address).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(address, {"post": "yes"}).status_code == 302
    assert not Image.objects.filter(pk=catalogue[0].pk).exists()
    assert not default_storage.exists(str(catalogue[0].original))


def test_title_collection_and_tags_can_be_changed_and_nothing_else(admin, catalogue):
    bags, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    page = admin.get(catalogue[0].admin_url)
    assert catalogue[0].thumbnail_url in page.content.decode()
    form = {
        "title": "Blue kettle",
        "source": "kettle.jpg",
        "collection": bags.pk,
        "tags": [red.pk],
        "status": "failed",
        "sha256": "0" * 64,
    }
    assert admin.post(catalogue[0].admin_url, form).status_code == 302
    changed = Image.objects.get(pk=catalogue[0].pk)
    assert (changed.title, changed.collection, list(changed.tags.all())) == ("Blue kettle", bags, [red])
    assert (changed.status, changed.sha256) == ("indexed", catalogue[0].sha256)


def test_pictures_are_not_added_by_hand(admin, catalogue):
    assert admin.get(f"{LIST}add/").status_code == 403
    page = admin.get(LIST).content.decode()
    assert 'href="/upload/"' in page
    assert 'href="/admin/catalog/import/add/"' in page


def test_links_lead_only_where_this_account_may_go(staff, catalogue):
    page = staff("view_image").get(LIST).content.decode()
    assert 'href="/upload/"' not in page
    assert 'href="/admin/catalog/import/add/"' not in page


def test_actions_need_their_rights(staff, catalogue):
    looker = staff("view_image")
    for action in ("retry_failed", "set_collection", "delete_selected"):
        act(looker, action, catalogue, post="yes", collection="")
    assert Image.objects.count() == len(catalogue)
    assert "delete_selected" not in looker.get(LIST).content.decode()


def test_a_member_of_staff_without_rights_sees_no_images(staff, catalogue):
    assert staff().get(LIST).status_code == 403


def test_the_rights_to_see_and_delete_images_are_enough_to_delete_them(staff, catalogue):
    act(staff("view_image", "delete_image"), "delete_selected", catalogue[:1], post="yes")
    assert Image.objects.count() == len(catalogue) - 1
