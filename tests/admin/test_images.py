"""Images in the admin: browsing, grouping, retrying and deleting."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from catalog.models import Collection, Image, Tag
from catalog.services.index import extraction
from catalog.services.search import ranking
from tests.admin.conftest import run_action

LIST_URL = "/admin/catalog/image/"


def listed_images(response) -> set[int]:
    return {image.pk for image in response.context["cl"].result_list}


def test_list_shows_thumbnails_and_similarity_links(admin, catalogue):
    page = admin.get(LIST_URL).content.decode()
    for image in catalogue:
        assert f'src="{image.thumbnail_url}"' in page
        assert f'href="{image.similar_url}"' in page


def test_failed_image_shows_reason_without_similarity_link(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="The file is damaged.")
    page = admin.get(LIST_URL).content.decode()
    assert "The file is damaged." in page
    assert f'href="{catalogue[0].similar_url}"' not in page


def test_list_is_filtered_by_status_collection_and_tag(admin, catalogue):
    collection, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    Image.objects.filter(pk=catalogue[0].pk).update(collection=collection)
    catalogue[1].tags.add(red)
    Image.objects.filter(pk=catalogue[2].pk).update(status="failed", failure_reason="It is a test.")
    for filters, image in [
        ({"collection__id__exact": collection.pk}, catalogue[0]),
        ({"tags__id__exact": red.pk}, catalogue[1]),
        ({"status__exact": "failed"}, catalogue[2]),
    ]:
        assert listed_images(admin.get(LIST_URL, filters)) == {image.pk}


def test_list_is_searched_by_words_and_digest(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(title="Blue kettle")
    catalogue[1].tags.add(Tag.objects.create(name="kettle"))
    assert listed_images(admin.get(LIST_URL, {"q": "kettle"})) == {catalogue[0].pk, catalogue[1].pk}
    assert listed_images(admin.get(LIST_URL, {"q": catalogue[3].sha256})) == {catalogue[3].pk}


@pytest.mark.parametrize(
    "query", [{"q": "a\0b"}, {"p": "x"}, {"p": "99999"}, {"status__exact": "\0"}, {"o": "x"}, {"e": "1"}]
)
def test_list_ignores_malformed_queries(admin, catalogue, query):
    assert admin.get(LIST_URL, query, follow=True).status_code == 200


def test_failed_images_are_requeued(admin, catalogue):
    Image.objects.filter(pk=catalogue[0].pk).update(status="failed", failure_reason="It is a test.")
    catalogue[0].descriptors.all().delete()
    response = run_action(admin, "retry_failed", catalogue)
    assert "1 image will be indexed again." in response.content.decode()
    extraction.index_pending()
    catalogue[0].refresh_from_db()
    assert (catalogue[0].status, catalogue[0].failure_reason) == ("indexed", "")


def test_move_action_asks_for_collection_and_sets_it(admin, catalogue):
    collection = Collection.objects.create(name="Bags")
    confirmation_page = run_action(admin, "set_collection", catalogue[:2])
    assert "Move 2 images to this collection" in confirmation_page.content.decode()
    response = run_action(admin, "set_collection", catalogue[:2], collection=collection.pk)
    assert "2 images moved." in response.content.decode()
    assert set(collection.images.all()) == set(catalogue[:2])
    run_action(admin, "set_collection", catalogue[:1], collection="")
    assert collection.images.count() == 1


def test_missing_collection_moves_no_images(admin, catalogue):
    collection = Collection.objects.create(name="Bags")
    Image.objects.update(collection=collection)
    for missing in ("987654", "x", "\0", "9" * 40):
        response = run_action(admin, "set_collection", catalogue, collection=missing)
        assert "This collection does not exist." in response.content.decode(), missing
    assert collection.images.count() == len(catalogue)


def test_all_listed_images_can_be_moved_at_once(admin, catalogue):
    collection = Collection.objects.create(name="Bags")
    confirmation_page = run_action(admin, "set_collection", catalogue[:1], select_across="1")
    assert "Move 6 images" in confirmation_page.content.decode()
    assert 'name="select_across" value="1"' in confirmation_page.content.decode()
    run_action(admin, "set_collection", catalogue[:1], select_across="1", collection=collection.pk)
    assert collection.images.count() == len(catalogue)


def test_deleted_images_disappear_from_search_and_disk(admin, catalogue, django_capture_on_commit_callbacks):
    confirmation_page = run_action(admin, "delete_selected", catalogue[:2])
    assert "Are you sure" in confirmation_page.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        run_action(admin, "delete_selected", catalogue[:2], post="yes")
    results = ranking.search_similar(catalogue[2])
    assert {hit.image.pk for hit in results.hits} == {image.pk for image in catalogue[3:]}
    assert not default_storage.exists(str(catalogue[0].original))
    assert not default_storage.exists(str(catalogue[0].thumbnail))


def test_image_is_deleted_from_its_change_page(admin, catalogue, django_capture_on_commit_callbacks):
    url = reverse("admin:catalog_image_delete", args=[catalogue[0].pk])
    assert admin.get(url).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(url, {"post": "yes"}).status_code == 302
    assert not Image.objects.filter(pk=catalogue[0].pk).exists()
    assert not default_storage.exists(str(catalogue[0].original))


def test_only_title_file_name_collection_and_tags_are_editable(admin, catalogue):
    collection, red = Collection.objects.create(name="Bags"), Tag.objects.create(name="red")
    page = admin.get(catalogue[0].admin_url)
    assert catalogue[0].thumbnail_url in page.content.decode()
    form = {
        "title": "Blue kettle",
        "source": "kettle.jpg",
        "collection": collection.pk,
        "tags": [red.pk],
        "status": "failed",
        "sha256": "0" * 64,
    }
    assert admin.post(catalogue[0].admin_url, form).status_code == 302
    changed = Image.objects.get(pk=catalogue[0].pk)
    assert (changed.title, changed.collection, list(changed.tags.all())) == ("Blue kettle", collection, [red])
    assert (changed.status, changed.sha256) == ("indexed", catalogue[0].sha256)


def test_images_cannot_be_added_in_admin(admin, catalogue):
    assert admin.get(f"{LIST_URL}add/").status_code == 403
    page = admin.get(LIST_URL).content.decode()
    assert 'href="/upload/"' in page
    assert 'href="/admin/catalog/import/add/"' in page


def test_links_require_permission(staff, catalogue):
    page = staff("view_image").get(LIST_URL).content.decode()
    assert 'href="/upload/"' not in page
    assert 'href="/admin/catalog/import/add/"' not in page


def test_actions_require_permissions(staff, catalogue):
    viewer = staff("view_image")
    for action in ("retry_failed", "set_collection", "delete_selected"):
        run_action(viewer, action, catalogue, post="yes", collection="")
    assert Image.objects.count() == len(catalogue)
    assert "delete_selected" not in viewer.get(LIST_URL).content.decode()


def test_staff_without_permissions_cannot_view_images(staff, catalogue):
    assert staff().get(LIST_URL).status_code == 403


def test_view_and_delete_permissions_allow_deletion(staff, catalogue):
    run_action(staff("view_image", "delete_image"), "delete_selected", catalogue[:1], post="yes")
    assert Image.objects.count() == len(catalogue) - 1
