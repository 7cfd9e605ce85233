"""Error pages for exceptions and for methods that a view does not allow."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.views.conftest import JSON_HEADERS

pytestmark = pytest.mark.django_db

FORM_TARGETS = ["/saved/add/", "/saved/1/delete/", "/saved/1/seen/", "/accounts/logout/"]


@pytest.mark.parametrize(("language", "words"), [("en", "Search by photo"), ("zh-hans", "以图搜图")])
def test_an_address_of_a_form_shows_a_page_when_it_is_opened(client, language, words):
    for path in FORM_TARGETS:
        response = client.get(path, headers={"accept-language": language})
        assert response.status_code == 405, path
        assert "POST" in response["Allow"]
        page = response.content.decode()
        assert f'lang="{language}"' in page
        assert words in page
        assert 'class="site-header"' in page


def test_every_method_that_a_page_does_not_allow_shows_a_page(client):
    for method in ("put", "patch", "delete", "options", "post"):
        response = getattr(client, method)("/images/")
        assert response.status_code == 405, method
        assert "This address cannot be opened" in response.content.decode(), method
        assert response["Allow"] == "GET, HEAD"


def test_scripts_and_programs_get_json(client):
    assert "error" in client.get("/saved/add/", headers=JSON_HEADERS).json()
    response = client.put("/api/images")
    assert response.status_code == 405
    assert "detail" in response.json()


def test_the_language_can_be_changed_on_the_page_of_a_refused_method():
    client = Client(enforce_csrf_checks=True)
    page = client.get("/saved/add/")
    token = page.cookies["csrftoken"].value
    form = {"language": "zh-hans", "next": "/saved/add/", "csrfmiddlewaretoken": token}
    assert client.post(reverse("set_language"), form).url == "/saved/add/"
    again = client.get("/saved/add/")
    assert again.status_code == 405
    assert 'lang="zh-hans"' in again.content.decode()
