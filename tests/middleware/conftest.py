"""Fixtures of the middleware tests."""

from tests.views.conftest import submit_search

__all__ = ["submit_search"]
