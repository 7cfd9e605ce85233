"""Who may see what, and by which method."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from .conftest import JSON, file_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_pages(catalogue, search):
    results = search(0)
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


def test_looking_needs_no_account(client, open_pages):
    assert [client.get(page).status_code for page in open_pages] == [200] * len(open_pages)


def test_a_setting_has_searching_need_an_account(client, open_pages, settings, picture, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    for page in open_pages:
        answer = client.get(page)
        assert answer.status_code == 302, page
        assert answer.url.startswith(reverse("login")), page
    assert client.post(reverse("search_submit"), {"photo": file_of(picture(0))}).url.startswith(reverse("login"))
    client.force_login(uploader)
    assert [client.get(page).status_code for page in open_pages] == [200] * len(open_pages)


def test_uploading_without_an_account_leads_to_signing_in_and_back(client, picture):
    answer = client.get("/upload/")
    assert answer.url == "/accounts/login/?next=/upload/"
    assert client.post("/upload/", {"files": file_of(picture(0))}).url == answer.url
    assert client.get("/upload/outcomes/").status_code == 302


def test_a_script_without_an_account_is_told_in_json(client, picture):
    answer = client.post("/upload/", {"files": file_of(picture(0))}, headers=JSON)
    assert answer.status_code == 403
    assert "Sign in again" in answer.json()["error"]


def test_uploading_without_the_right_is_refused(client, picture):
    client.force_login(User.objects.create_user("nobody"))
    for answer in (client.get("/upload/"), client.post("/upload/", {"files": file_of(picture(0))})):
        assert answer.status_code == 403
        assert "That is not allowed" in answer.content.decode()
    assert "Upload" not in client.get("/").content.decode()


def test_signing_in_leads_back(client, uploader):
    answer = client.post(
        "/accounts/login/?next=/upload/",
        {"username": "ursula", "password": "a long enough word", "next": "/upload/"},
    )
    assert answer.url == "/upload/"
    assert "Sign out" in client.get("/upload/").content.decode()
    assert client.post("/accounts/logout/").url == "/"


def test_signing_in_never_leads_to_another_site(client, uploader):
    form = {"username": "ursula", "password": "a long enough word", "next": "https://elsewhere.example/"}
    assert client.post("/accounts/login/", form).url == "/"


@pytest.mark.parametrize(
    "form", [{}, {"username": "ursula", "password": "wrong"}, {"username": "a\0", "password": "\0"}]
)
def test_a_wrong_password_is_said(client, uploader, form):
    answer = client.post("/accounts/login/", form)
    assert answer.status_code == 200
    assert 'class="errorlist' in answer.content.decode()


def test_head_answers_as_get_does_without_a_body(client, open_pages):
    for page in open_pages:
        answer = client.head(page)
        assert answer.status_code == 200, page
        assert not getattr(answer, "content", b""), page


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace", "options"])
def test_pages_that_are_only_read_take_no_other_method(client, open_pages, method):
    for page in open_pages:
        answer = getattr(client, method)(page)
        assert answer.status_code == 405, page
        assert answer["Allow"] == "GET, HEAD"


def test_the_search_form_is_only_posted_to(client, catalogue):
    for method in (client.get, client.put, client.delete):
        assert method(reverse("search_submit")).status_code == 405


def test_forms_from_other_sites_are_refused(picture, uploader):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(uploader)
    answer = strict.post("/upload/", {"files": file_of(picture(0))})
    assert answer.status_code == 403
    assert "That form has expired" in answer.content.decode()


def test_every_page_says_what_a_browser_may_load(client, open_pages):
    for page in open_pages:
        headers = client.get(page).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "'unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
