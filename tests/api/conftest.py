"""Fixtures and helpers of the API tests."""

from base64 import b64encode

import pytest
from django.test import Client

PASSWORD = "a long enough word"


def basic_auth_headers(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def csrf_client() -> Client:
    """A client with CSRF checks, as for a browser."""
    return Client(enforce_csrf_checks=True)
