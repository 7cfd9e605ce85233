"""Real processes for tests: an installation that several processes work on, and a process without privileges."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
NOBODY_UID = 65534
SCRIPT_TIMEOUT_SECONDS = 300


class Installation:
    """A data folder, and processes that work on it."""

    def __init__(self, folder: Path, models: Path) -> None:
        self.folder = folder
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
        self._environment |= {
            "IMAGESEARCH_DATA_DIR": str(folder),
            "IMAGESEARCH_EXTRACTOR": "efficientnet-lite2",
            "IMAGESEARCH_THREADS": "2",
            "DJANGO_SETTINGS_MODULE": "imagesearch.settings",
        }
        for variable in ("DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL"):
            self._environment.pop(variable, None)
        (folder / "var").mkdir(parents=True, exist_ok=True)
        (folder / "var" / "models").symlink_to(models)

    def start(self, script: str) -> subprocess.Popen:
        """Start a process that sets up Django and runs `script`."""
        return subprocess.Popen(
            [sys.executable, "-c", f"import django; django.setup()\n{script}"],
            cwd=CHECKOUT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> Any:
        """Run `script` and parse the last line of its output as JSON."""
        return read_json_output(self.start(script))

    def migrate(self) -> None:
        """Create the tables."""
        self.run("from django.core.management import call_command; call_command('migrate', verbosity=0); print(0)")


def read_json_output(process: subprocess.Popen) -> Any:
    """Wait for a process to succeed and parse the last line of its output as JSON."""
    out, errors = process.communicate(timeout=SCRIPT_TIMEOUT_SECONDS)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def run_unprivileged(action: Callable[[], object]) -> str:
    """Run `action` in a process of the user nobody. Returns the result, or the type and message of the exception.

    Permissions do not restrict root, so a test that runs as root cannot check them in its own process.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(NOBODY_UID, NOBODY_UID, NOBODY_UID)
                os.setresuid(NOBODY_UID, NOBODY_UID, NOBODY_UID)
            report = str(action())
        except BaseException as error:
            report = f"{type(error).__name__}: {error}"
        os.write(write_end, report.encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as result:
        report = result.read()
    os.waitpid(child, 0)
    return report
