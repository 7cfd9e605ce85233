"""The tests that pass on SQLite with the filesystem broker also pass on PostgreSQL with Redis.

Slow tests are left out: they compute more than they ask the database, and tests/system runs whole sites on both.
"""

import os
import subprocess
import sys

import pytest
from django.conf import settings

# The tests of the layers that use the database, in runs of similar length, without those that mostly compute.
RUNS = {
    "services": ["services", "--ignore=tests/services/media/test_s3.py", "--ignore=tests/services/index/training"],
    "views": ["views", "test_translations.py"],
    "api": ["api"],
    "management": ["management", "--ignore=tests/management/test_compare_networks.py"],
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUNS)
def test_the_same_tests_pass_on_postgresql_with_redis(name, postgres, redis):
    servers = {"DATABASE_URL": postgres.create(f"tests_{name}"), "REDIS_URL": redis.url()}
    arguments = [word if word.startswith("--") else f"tests/{word}" for word in RUNS[name]]
    options = ["-q", "-p", "no:cacheprovider", "--database-only", "-m", "not slow"]
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | servers,
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-4000:]
