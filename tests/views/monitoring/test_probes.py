"""The probes need no account, host name, HTTPS, database or session."""

import pytest
from django.db import OperationalError, connection

from catalog.services.maintenance import readiness
from catalog.services.monitoring import beat_sign


@pytest.fixture(autouse=True)
def forget_checks():
    """As if the last probe were long ago."""
    readiness._checks_in.cache_clear()


@pytest.fixture
def beat(data_dir):
    """Beat runs."""
    beat_sign.record()


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_process_that_is_alive_answers_without_a_database(client, method):
    """A test without the mark `django_db` fails if it uses the database."""
    response = getattr(client, method)("/healthz")
    assert response.status_code == 200
    assert not response.cookies
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_neither_host_name_nor_https_nor_account(db, client, settings, path, beat):
    settings.SECURE_SSL_REDIRECT, settings.SEARCH_REQUIRES_LOGIN = True, True
    response = client.get(path, headers={"host": "10.1.2.3:8000", "cookie": "sessionid=x", "accept-language": "zh"})
    assert response.status_code == 200
    assert "Set-Cookie" not in response
    assert "Vary" not in response


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_only_read(client, path):
    assert client.post(path).status_code == 405


def test_a_ready_site_tells_each_check(db, client, beat):
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["state"] == "ready"
    assert list(response.json()["checks"]) == ["database", "store", "index", "queue", "beat", "backup"]


def test_a_degraded_site_is_ready_unless_the_probe_is_strict(db, client):
    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").json()["state"] == "degraded"
    assert client.get("/readyz?strict").status_code == 503


def test_a_site_without_database_is_alive_but_not_ready(db, client, beat):
    def refuse(*args: object) -> None:
        raise OperationalError("refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        assert client.get("/healthz").status_code == 200
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == {
        "state": "failed",
        "message": "The database does not answer.",
    }


def test_many_probes_check_the_site_once_a_second(db, client, beat, django_assert_max_num_queries):
    with django_assert_max_num_queries(2 * 12):
        for _ in range(50):
            client.get("/readyz")
