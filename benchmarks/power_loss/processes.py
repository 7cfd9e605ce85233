"""Processes that use a catalogue and lose it, one after another."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120
MAX_KILL_SECONDS = 4.0


class Losses:
    """A catalogue in `home` whose processes are killed, or lose their power."""

    def __init__(self, home: Path, seed: int) -> None:
        self._home, self._rng, self._seed, self._number = home, random.Random(seed), seed, 0  # noqa: S311
        self._problems: list[str] = []
        self._images: list[int] = []
        self._folder.mkdir()
        (self._folder / "var").mkdir()
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, cwd=PROJECT_DIR, env=self._environment(), check=True)

    @property
    def _folder(self) -> Path:
        return self._home / str(self._number)

    def run(self, *, kill: bool) -> None:
        """Start a process that checks and uses the catalogue, and end it."""
        following = self._home / str(self._number + 1)
        process = self._start(None if kill else following)
        if kill:
            self._read_check(process)
            try:
                process.wait(self._rng.uniform(0.1, MAX_KILL_SECONDS))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self._seed += 1
                return
        else:
            self._read_check(process)
            process.wait(TIMEOUT_SECONDS)
        if process.returncode or kill:
            self._problems.append(f"seed {self._seed}: the process ended: {process.stderr.read()[-2000:]}")  # type: ignore[union-attr]
        elif following.exists():
            self._leave_folder()
        self._seed += 1

    def check(self) -> None:
        """Check the catalogue after the last loss."""
        process = self._start(None)
        self._read_check(process)
        process.kill()
        process.wait()

    def figures(self) -> dict[str, Any]:
        """Return how many images there were on average, and the problems."""
        mean = sum(self._images) / max(len(self._images), 1)
        return {"checks": len(self._images), "mean_images": round(mean, 1), "problems": self._problems[:20]}

    def _leave_folder(self) -> None:
        shutil.rmtree(self._folder)
        shutil.rmtree(self._home / f"{self._number}-pins")
        self._number += 1

    def _start(self, following: Path | None) -> subprocess.Popen[str]:
        arguments = [str(self._folder), str(self._seed), *([str(following)] if following else [])]
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.power_loss.workload", *arguments],
            cwd=PROJECT_DIR,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _read_check(self, process: subprocess.Popen[str]) -> None:
        line = process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            self._problems.append(f"seed {self._seed}: no check: {process.stderr.read()[-2000:]}")  # type: ignore[union-attr]
            return
        check = json.loads(line)
        self._images.append(check["images"])
        self._problems += [f"seed {self._seed}: {problem}" for problem in check["problems"]]

    def _environment(self) -> dict[str, str]:
        own = ("IMAGESEARCH_", "DATABASE_URL", "REDIS_URL", "MEDIA_STORAGE_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return kept | {
            "IMAGESEARCH_DATA_DIR": str(self._folder),
            "IMAGESEARCH_EXTRACTOR": "efficientnet-lite2",
            "IMAGESEARCH_THREADS": "2",
            "IMAGESEARCH_LOG_LEVEL": "ERROR",
        }
