"""One client may send so many requests of a kind in a minute."""

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalog.middleware import throttling
from catalog.middleware.throttling import is_search
from catalog.models import ApiToken
from tests.api.conftest import basic_auth_headers, bearer, token_headers

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def within_one_minute(monkeypatch: pytest.MonkeyPatch):
    """The clock stands still, and nothing is counted yet."""
    cache.clear()
    monkeypatch.setattr(throttling, "time", lambda: 1_700_000_010.0)
    yield
    cache.clear()


def statuses(
    client: Client, count: int, path: str, address: str = "192.0.2.1", headers: dict[str, str] | None = None
) -> list[int]:
    return [client.post(path, REMOTE_ADDR=address, headers=headers).status_code for _ in range(count)]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("SEARCHES_PER_MINUTE", "/search/"),
        ("SEARCHES_PER_MINUTE", "/api/search"),
        ("UPLOADS_PER_MINUTE", "/api/images"),
        ("LOGINS_PER_MINUTE", LOGIN),
        ("LOGINS_PER_MINUTE", "/admin/login/"),
    ],
)
def test_after_the_limit_a_client_is_told_when_to_come_back(client, settings: LazySettings, setting, path):
    setattr(settings, setting, 3)
    assert 429 not in statuses(client, 3, path)
    response = client.post(path, REMOTE_ADDR="192.0.2.1")
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert b"too many requests" in response.content
    assert client.get("/", REMOTE_ADDR="192.0.2.1").status_code == 200


def test_addresses_and_accounts_are_counted_apart(client, uploader, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE = 2
    assert statuses(client, 3, "/search/")[-1] == 429
    assert statuses(client, 2, "/search/", "192.0.2.2") == [400, 400]
    client.force_login(uploader)
    assert statuses(client, 2, "/search/") == [400, 400]
    assert statuses(client, 1, "/search/", "192.0.2.3") == [429], "an account has one limit at all addresses"


def test_a_token_or_a_password_counts_for_its_account(client, uploader, superuser, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE, settings.BASIC_AUTH = 2, True
    assert statuses(client, 3, "/api/search")[-1] == 429
    token = token_headers("ursula", "search")
    assert statuses(client, 2, "/api/search", headers=token) == [422, 422], "not for the address"
    assert statuses(client, 1, "/api/search", "192.0.2.2", token_headers("ursula", "search")) == [429]
    assert statuses(client, 1, "/api/search", "192.0.2.3", basic_auth_headers("ursula")) == [429]
    assert statuses(client, 1, "/api/search", headers=token_headers("karl", "search")) == [422]


def test_a_token_that_is_not_valid_is_refused_at_once_and_counts_for_nobody(client, uploader, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE = 2
    assert statuses(client, 4, "/api/search", headers=bearer("imagesearch_0123456789ab_" + 64 * "0")) == [401] * 4
    assert statuses(client, 3, "/api/search") == [422, 422, 429]


def test_a_token_is_looked_up_once(client, uploader):
    headers = token_headers("ursula", "read")
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/api/images", headers=headers).status_code == 200
    lookups = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and "apitoken" in query["sql"]]
    assert len(lookups) == 1


def test_the_api_answers_in_json_if_the_database_is_away(uploader, monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError("refused")

    headers = token_headers("ursula", "search")
    monkeypatch.setattr(ApiToken.objects, "select_related", refuse)
    response = Client(raise_request_exception=False).post("/api/search", headers=headers)
    assert response.status_code == 503
    assert list(response.json()) == ["detail"]
    assert response["Retry-After"]


def test_an_ipv6_network_is_one_client(client, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE = 1
    assert statuses(client, 1, "/search/", "2001:db8::1") == [400]
    assert statuses(client, 1, "/search/", "2001:db8::ffff:2") == [429]
    assert statuses(client, 1, "/search/", "2001:db8:0:1::1") == [400]


def test_an_invented_forwarding_header_does_not_change_the_client(client, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE = 1
    for number, expected in ((1, 400), (2, 429)):
        response = client.post("/search/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
        assert response.status_code == expected


def test_zero_is_no_limit(client, settings: LazySettings):
    settings.SEARCHES_PER_MINUTE = 0
    assert statuses(client, 5, "/search/") == [400] * 5


def test_wrong_passwords_lock_out_an_address_and_an_account(client, uploader, settings: LazySettings):
    settings.AXES_FAILURE_LIMIT = 3

    def sign_in(password: str, address: str, name: str = uploader.username):
        return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)

    assert [sign_in("wrong", "192.0.2.1", f"name-{number}").status_code for number in range(3)][:2] == [200, 200]
    locked = sign_in("a long enough word", "192.0.2.1")
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert sign_in("a long enough word", "192.0.2.2").status_code == 302

    client.logout()
    for number in range(3):
        sign_in("wrong", f"198.51.100.{number}")
    assert sign_in("a long enough word", "203.0.113.1").status_code == 429


def test_pages_that_rank_or_run_the_network_are_searches():
    assert all(map(is_search, ["/search/", "/api/search", "/search/abc-_1/", "/images/7/similar/"]))
    assert all(map(is_search, ["/search/abc/explanation/3/query.webp", "/search/abc/regions/"]))
    assert not any(map(is_search, ["/", "/images/", "/images/7/", "/search/abc/photo", "/media/originals/ab"]))
