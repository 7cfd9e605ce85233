"""Access to pages, and allowed HTTP methods."""

from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.html import escape

from tests.views.conftest import JSON_HEADERS, uploaded_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def public_urls(catalogue, submit_search):
    results = submit_search(0)
    image = catalogue[0]
    return [
        reverse("search"),
        results,
        f"{results}photo",
        reverse("browse"),
        image.get_absolute_url(),
        image.similar_url,
        image.thumbnail_url,
        image.original_url,
        reverse("upload_status"),
    ]


def test_public_pages_need_no_account(client, public_urls):
    assert [client.get(page).status_code for page in public_urls] == [200] * len(public_urls)


def test_search_requires_login_setting_protects_public_pages(client, public_urls, settings, picture, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    for page in public_urls:
        response = client.get(page)
        assert response.status_code == 302, page
        assert response.url.startswith(reverse("login")), page
    assert client.post(reverse("search_submit"), {"photo": uploaded_file(picture(0))}).url.startswith(reverse("login"))
    client.force_login(uploader)
    assert [client.get(page).status_code for page in public_urls] == [200] * len(public_urls)


def test_anonymous_upload_redirects_to_login(client, picture):
    response = client.get("/upload/")
    assert response.url == "/accounts/login/?next=/upload/"
    assert client.post("/upload/", {"files": uploaded_file(picture(0))}).url == response.url
    assert client.get("/upload/results/").status_code == 302


def test_script_without_account_gets_json_error(client, picture):
    response = client.post("/upload/", {"files": uploaded_file(picture(0))}, headers=JSON_HEADERS)
    assert response.status_code == 403
    assert "Sign in again" in response.json()["error"]


def test_upload_requires_permission(client, picture):
    client.force_login(User.objects.create_user("nobody"))
    for response in (client.get("/upload/"), client.post("/upload/", {"files": uploaded_file(picture(0))})):
        assert response.status_code == 403
        assert "Permission denied" in response.content.decode()
    assert "Upload" not in client.get("/").content.decode()


def test_login_redirects_back(client, uploader):
    response = client.post(
        "/accounts/login/?next=/upload/",
        {"username": "ursula", "password": "a long enough word", "next": "/upload/"},
    )
    assert response.url == "/upload/"
    assert "Sign out" in client.get("/upload/").content.decode()
    assert client.post("/accounts/logout/").url == "/"


def test_login_never_redirects_to_another_site(client, uploader):
    form = {"username": "ursula", "password": "a long enough word", "next": "https://elsewhere.example/"}
    assert client.post("/accounts/login/", form).url == "/"


@pytest.mark.parametrize(
    "form", [{}, {"username": "ursula", "password": "wrong"}, {"username": "a\0", "password": "\0"}]
)
def test_wrong_password_is_reported(client, uploader, form):
    response = client.post("/accounts/login/", form)
    assert response.status_code == 200
    assert 'class="errorlist' in response.content.decode()


def test_head_returns_status_of_get_without_body(client, public_urls):
    for page in public_urls:
        response = client.head(page)
        assert response.status_code == 200, page
        assert not getattr(response, "content", b""), page


@pytest.mark.slow
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace", "options"])
def test_read_only_pages_reject_other_methods(client, public_urls, method):
    for page in public_urls:
        response = getattr(client, method)(page)
        assert response.status_code == 405, page
        assert response["Allow"] == "GET, HEAD"


def test_the_address_that_photos_are_sent_to_leads_home(client, catalogue):
    refused = client.post(reverse("search_submit"), {"photo": uploaded_file(b"no picture", "letter.jpg")})
    assert refused.status_code == 422
    assert f'name="next" value="{reverse("search_submit")}"' in refused.content.decode()
    changed = client.post(
        reverse("set_language"), {"language": "zh-hans", "next": reverse("search_submit")}, follow=True
    )
    assert changed.status_code == 200
    assert changed.redirect_chain[-1][0] == reverse("search")
    assert 'lang="zh-hans"' in changed.content.decode()
    for method in (client.put, client.delete):
        assert method(reverse("search_submit")).status_code == 405


def test_signing_in_leads_back_to_the_page(client, uploader, submit_search):
    results = f"{submit_search(0)}?format=JPEG&crop=1,2,30,40"
    for page in ("/images/?q=a%26b", results):
        link = f"/accounts/login/?next={quote(page)}"
        assert escape(link) in client.get(page).content.decode()
        form = {"username": "ursula", "password": "a long enough word"}
        sign_in_page = client.get(link)
        assert escape(f"/accounts/login/?next={quote(page)}") in sign_in_page.content.decode(), "not one in the other"
        assert client.post(link, {**form, "next": sign_in_page.context["next"]}).url == page
        client.logout()


def test_visitors_are_told_that_a_search_can_be_saved_and_get_back_to_it(client, uploader, submit_search):
    results = f"{submit_search(0)}?format=JPEG"
    page = client.get(results).content.decode()
    assert "Sign in to save this search" in page
    assert page.count(f"/accounts/login/?next={quote(results)}") == 2, "in the header, and where members save"
    sent = client.post(reverse("saved_search_save"), {"name": "n", "url": results})
    assert sent.url == f"/accounts/login/?next={quote(results)}", "signed out meanwhile"
    sent = client.post(reverse("saved_search_save"), {"name": "n", "url": "https://elsewhere.example/"})
    assert sent.url == f"/accounts/login/?next={reverse('saved_searches')}"
    client.force_login(uploader)
    assert "Save this search as" in client.get(results).content.decode()


def test_only_those_who_may_enter_the_admin_see_links_to_it(client, catalogue):
    editor = User.objects.create_user("edda")
    editor.user_permissions.add(Permission.objects.get(codename="change_image"))
    pages = ["/", "/images/", catalogue[0].get_absolute_url()]
    client.force_login(editor)
    assert [page for page in pages if "/admin/" in client.get(page).content.decode()] == []
    editor.is_staff = True
    editor.save()
    assert [page for page in pages if "/admin/" in client.get(page).content.decode()] == pages
    assert catalogue[0].admin_url in client.get(pages[-1]).content.decode()


def test_forms_without_csrf_token_are_rejected(picture, uploader):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(uploader)
    response = strict.post("/upload/", {"files": uploaded_file(picture(0))})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


def test_every_page_has_security_headers(client, public_urls):
    for page in public_urls:
        headers = client.get(page).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "'unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
