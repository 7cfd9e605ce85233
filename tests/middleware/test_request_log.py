"""The log of requests, and the identifier of each."""

import json
import logging
import re

import pytest
from django.test import Client

from catalog.services.accounts.actor import Actor, acting_as, current_actor
from imagesearch.log_lines import ActorFilter, JsonLineFormatter, TextLineFormatter
from tests.api.conftest import token_headers

pytestmark = pytest.mark.django_db

ACCESS_LOG = "catalog.middleware.request_log"


@pytest.fixture
def access_log(caplog):
    """A function that returns the lines of the access log so far: as text, or as JSON objects."""

    def lines(formatter: logging.Formatter) -> list[str]:
        return [formatter.format(record) for record in caplog.records if record.name == ACCESS_LOG]

    caplog.set_level(logging.INFO)
    caplog.handler.addFilter(actor_filter := ActorFilter())
    yield lines
    caplog.handler.removeFilter(actor_filter)


def test_each_response_has_a_line_with_time_level_request_user_and_address(client, uploader, access_log):
    client.force_login(uploader)
    response = client.get("/images/?q=secret")
    (line,) = access_log(TextLineFormatter())
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO "
        rf"\[{response['X-Request-ID']} ursula 127\.0\.0\.1\] {ACCESS_LOG}: GET /images/ 200 [\d.]+ ms "
        rf"{len(response.content)} bytes",
        line,
    )


def test_lines_are_json_objects_if_asked(client, access_log):
    response = client.get("/nowhere/")
    (line,) = access_log(JsonLineFormatter())
    fields = json.loads(line)
    assert fields.pop("time").endswith("Z")
    assert fields.pop("milliseconds") > 0
    assert fields.pop("message").startswith("GET /nowhere/ 404 ")
    assert fields == {
        "level": "INFO",
        "request_id": response["X-Request-ID"],
        "user": "-",
        "address": "127.0.0.1",
        "logger": ACCESS_LOG,
        "method": "GET",
        "path": "/nowhere/",
        "status": 404,
        "bytes": len(response.content),
    }


def test_a_user_of_the_api_is_named(client, uploader, access_log, catalogue):
    client.get("/api/images", headers=token_headers("ursula", "read"))
    assert " ursula " in access_log(TextLineFormatter())[-1]


def test_text_of_visitors_adds_no_line(client, access_log):
    client.get("/a%0a2026-01-01T00:00:00.000Z%20INFO%20forged%e2%80%a8%1b[31m/")
    (line,) = access_log(TextLineFormatter())
    assert line.isprintable()
    assert "/a\\n2026" in line


def test_the_token_of_a_query_photo_is_not_logged(client, submit_search, access_log):
    url = submit_search()
    client.get(url)
    token = url.split("/")[2]
    lines = "\n".join(access_log(TextLineFormatter()))
    assert f"/search/{token[:6]}…/" in lines
    assert token not in lines


def test_well_formed_request_ids_are_kept_and_others_replaced(client):
    assert client.get("/", headers={"X-Request-ID": "abc-DEF_1.23"})["X-Request-ID"] == "abc-DEF_1.23"
    for given in ("short", "a" * 65, "a b c d e f g h", "12345678\n", "<script>alert", "é" * 9):
        assert re.fullmatch(r"[0-9a-f]{16}", client.get("/", headers={"X-Request-ID": given})["X-Request-ID"]), given
    assert client.get("/")["X-Request-ID"] != client.get("/")["X-Request-ID"]


def test_error_pages_show_the_request_id(monkeypatch):
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("catalog.services.ingest.demo.example_photos", lambda: 1 / 0)
    for url, status in (("/nowhere/", 404), ("/images/?collection=x", 404), ("/", 500)):
        response = client.get(url)
        assert response.status_code == status
        assert f"<code>{response['X-Request-ID']}</code>" in response.content.decode(), url
    response = client.get("/", headers={"Host": "elsewhere.example"})
    assert (response.status_code, f"<code>{response['X-Request-ID']}</code>" in response.content.decode()) == (
        400,
        True,
    )


def test_a_traceback_is_logged_once_with_its_request(caplog, monkeypatch):
    monkeypatch.setattr("catalog.services.ingest.demo.example_photos", lambda: 1 / 0)
    caplog.set_level(logging.INFO)
    Client(raise_request_exception=False).get("/")
    assert [record.name for record in caplog.records if record.exc_info] == ["django.request"]
    caplog.clear()
    Client().get("/nowhere/")
    assert [record.name for record in caplog.records] == [ACCESS_LOG]


def test_an_actor_acts_inside_its_block_only():
    with acting_as(Actor("command", name="karl")):
        assert current_actor().known_name() == "karl"
    assert current_actor() == Actor("worker")
