"""What the web server refuses because it is busy is answered by the site."""

import pytest
from django.test import Client

from catalog.middleware import throttling
from catalog.middleware.overload import IS_REFUSED
from tests.middleware.test_body_limits import Unreadable

pytestmark = pytest.mark.django_db


def send(client: Client, path: str, **extra: object):
    form = "multipart/form-data; boundary=frontier"
    return client.generic("POST", path, b"x", form, **{"wsgi.input": Unreadable(), IS_REFUSED: True, **extra})


def test_a_page_is_refused_with_a_page_in_the_language_of_the_visitor(client, catalogue):
    response = send(client, "/search/", HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert 'lang="zh-hans"' in response.content.decode()
    assert "网站正忙" in response.content.decode()


def test_the_api_is_refused_with_a_message(client):
    response = send(client, "/api/search")
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert list(response.json()) == ["detail"]


def test_a_refusal_is_cheap(client, django_assert_max_num_queries, monkeypatch):
    """Nothing is searched or counted; the head of the page has the number of images."""
    monkeypatch.setattr(throttling, "_count", pytest.fail)
    with django_assert_max_num_queries(1):
        send(client, "/search/")


def test_nobody_else_is_refused_and_no_header_makes_it_so(client):
    assert client.get("/", headers={IS_REFUSED: "1"}).status_code == 200
    assert client.get("/", **{IS_REFUSED: False}).status_code == 200
