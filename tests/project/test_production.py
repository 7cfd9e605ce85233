"""IMAGESEARCH_PRODUCTION=1: what it demands, and what it turns on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagesearch.production import check_environment

CHECKOUT = Path(__file__).resolve().parents[2]
COMPLETE = {
    "IMAGESEARCH_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQ",
    "IMAGESEARCH_ALLOWED_HOSTS": "pictures.example.org",
    "IMAGESEARCH_BACKUP_DIR": "none",
}
REQUESTS_SCRIPT = """
import json, django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
client = Client(headers={"host": "pictures.example.org"})
https = {"X-Forwarded-Proto": "https"}
plain, secure, probe = client.get("/"), client.get("/", headers=https), Client().get("/healthz")
form = client.get("/accounts/login/", headers=https)
print(json.dumps({
    "plain": [plain.status_code, plain["Location"]],
    "secure": [secure.status_code, secure["Strict-Transport-Security"]],
    "probe": probe.status_code,
    "cookies": [bool(cookie["secure"]) for cookie in form.cookies.values()],
    "session": settings.SESSION_COOKIE_SECURE,
}))
"""


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"IMAGESEARCH_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "imagesearch.settings"}
    environment |= {"IMAGESEARCH_EXTRACTOR": "efficientnet-lite2", "IMAGESEARCH_PRODUCTION": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_complete_configuration_is_accepted():
    check_environment(COMPLETE)


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, "  "])
def test_what_is_missing_is_named(name, value):
    variables = {**COMPLETE, name: value} if value else {key: COMPLETE[key] for key in COMPLETE if key != name}
    with pytest.raises(ImproperlyConfigured, match=f"{name} must be set"):
        check_environment(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGESEARCH_SECRET_KEY", "short"),
        ("IMAGESEARCH_ALLOWED_HOSTS", "a.example, *"),
        ("IMAGESEARCH_DEBUG", "true"),
    ],
)
def test_what_is_not_safe_is_named(name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        check_environment({**COMPLETE, name: value})


def test_the_program_does_not_start_without_them(tmp_path):
    completed = run(tmp_path, "manage.py", "check")
    assert completed.returncode == 1
    assert all(name in completed.stderr for name in COMPLETE)
    assert len(completed.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_check_for_deployment_finds_nothing(tmp_path):
    completed = run(tmp_path, "manage.py", "check", "--deploy", **COMPLETE)
    assert completed.returncode == 0, completed.stderr
    assert "no issues" in completed.stdout


@pytest.mark.slow
def test_pages_are_served_over_https_alone(tmp_path):
    completed = run(tmp_path, "-c", REQUESTS_SCRIPT, **COMPLETE)
    assert completed.returncode == 0, completed.stderr
    found = json.loads(completed.stdout.splitlines()[-1])
    assert found["plain"] == [301, "https://pictures.example.org/"]
    assert found["secure"] == [200, "max-age=31536000"]
    assert found["probe"] == 200
    assert found["cookies"] == [True]
    assert found["session"] is True
