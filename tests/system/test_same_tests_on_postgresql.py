"""What passes on SQLite with the filesystem broker passes on PostgreSQL with Redis."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

FOLDERS = [
    folder for folder in ("services", "pages", "api", "commands") if (settings.BASE_DIR / "tests" / folder).is_dir()
]


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_same_tests_pass_on_postgresql_with_redis(folder, postgres, redis, tmp_path):
    servers = {"DATABASE_URL": postgres.create(f"tests_{folder}"), "REDIS_URL": redis.url()}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--for-the-database", f"tests/{folder}"],
        cwd=settings.BASE_DIR,
        env=os.environ | servers,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
