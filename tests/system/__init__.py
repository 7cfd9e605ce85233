"""Whole sites as processes of their own: gunicorn, workers, PostgreSQL, Redis."""

import pytest

pytest.register_assert_rewrite("tests.system.site")
