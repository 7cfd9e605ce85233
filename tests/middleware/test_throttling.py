"""One client may send so many requests of a kind in a minute."""

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from catalog.middleware import throttling
from catalog.middleware.throttling import is_search

pytestmark = pytest.mark.django_db
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def within_one_minute(monkeypatch: pytest.MonkeyPatch):
    """The clock stands still, and nothing is counted yet."""
    cache.clear()
    monkeypatch.setattr(throttling, "time", lambda: 1_700_000_010.0)
    yield
    cache.clear()


def statuses(client: Client, count: int, path: str, address: str = "192.0.2.1") -> list[int]:
    return [client.post(path, REMOTE_ADDR=address).status_code for _ in range(count)]


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
    assert is_search("/search/abc/explanation/3/query.webp")
    assert not any(map(is_search, ["/", "/images/", "/images/7/", "/search/abc/photo", "/media/originals/ab"]))
