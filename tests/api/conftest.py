"""Fixtures and helpers of the API tests."""

from base64 import b64encode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from catalog.services.accounts import tokens

PASSWORD = "a long enough word"


def basic_auth_headers(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token_text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_text}"}


def token_headers(name: str, *scopes: str) -> dict[str, str]:
    """The headers of a program with a new token of this account, with all scopes by default."""
    return bearer(tokens.create_token(User.objects.get(username=name), scopes or ["admin"])[1])


@pytest.fixture
def csrf_client() -> Client:
    """A client with CSRF checks, as for a browser."""
    return Client(enforce_csrf_checks=True)
