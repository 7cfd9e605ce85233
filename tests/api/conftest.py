"""What the tests of the API share."""

from base64 import b64encode

import pytest
from django.test import Client

PASSWORD = "a long enough word"


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def strict() -> Client:
    """A client that is held to CSRF, as a browser is."""
    return Client(enforce_csrf_checks=True)
