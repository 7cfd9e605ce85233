"""A model of a disk that loses its power: what a process wrote is durable once it was synced, and else it may be lost.

The rules are those of POSIX. The bytes of a file are durable when the file was synced after they were written. A name
in a folder, new, changed or removed, is durable when the folder was synced after that. Of everything else, any part may
be on the disk. SQLite is synced as its documentation says: with synchronous=FULL the write-ahead log is synced by each
commit, and with NORMAL only before a checkpoint, so that all of it may be lost.
https://www.sqlite.org/pragma.html#pragma_synchronous
"""

import os
import random
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATABASE = "db.sqlite3"
# Locks are files of a machine that runs; SQLite's are copied by `_copy_database`.
NOT_ON_DISK = {"locks", DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "secret_key"}
EVENTS = {"os.remove", "os.rename", "os.mkdir", "os.rmdir"}

Entries = dict[str, int]


class Disk:
    """Follows what this process syncs below `root`, which is durable at the start.

    Args:
        pins: an empty folder beside `root`. It keeps a link to each file that was synced, so that no inode is reused.
        on_event: called before each change of a folder, and after each sync.
    """

    def __init__(self, root: Path, pins: Path, on_event: Callable[[], None]) -> None:
        self._root, self._pins, self._on_event = root, pins, on_event
        self._contents: dict[int, bytes] = {}
        self._entries: dict[int, Entries] = {}
        self._lock = threading.RLock()
        self._is_active = False
        for folder, _, names in os.walk(root):
            self._sync_folder(Path(folder))
            for name in names:
                if name not in NOT_ON_DISK:
                    self._sync_file(Path(folder) / name)

    def start(self) -> None:
        """Watch `os.fsync` and changes of folders from now on."""
        fsync = os.fsync

        def synced(fd: Any) -> None:
            fsync(fd)
            self._sync(Path(f"/proc/self/fd/{fd}").resolve())

        os.fsync = synced
        sys.addaudithook(lambda event, _: self._notify() if event in EVENTS else None)
        self._is_active = True

    def lose_power(self, target: Path, rng: random.Random, *, keeps_commits: bool) -> None:
        """Write what may be on the disk now to the folder `target`.

        Args:
            keeps_commits: whether SQLite has synced its log: see `synchronous`.
        """
        self._is_active = False
        with self._lock:
            self._restore(self._root, self._root.stat().st_ino, target, rng)
        (target / "var").mkdir(parents=True, exist_ok=True)
        suffixes = ["", "-wal"] if keeps_commits or rng.random() < 0.2 else [""]
        for suffix in suffixes:
            source = self._root / "var" / (DATABASE + suffix)
            if source.exists():
                shutil.copy(source, target / "var" / source.name)

    def _notify(self) -> None:
        if self._is_active:
            self._on_event()

    def _sync(self, path: Path) -> None:
        if not self._is_active or not path.is_relative_to(self._root) or path.name in NOT_ON_DISK:
            return
        with self._lock:
            if path.is_dir():
                self._sync_folder(path)
            else:
                self._sync_file(path)
        self._notify()

    def _sync_folder(self, path: Path) -> None:
        self._entries[path.stat().st_ino] = _list(path)

    def _sync_file(self, path: Path) -> None:
        inode = path.stat().st_ino
        self._contents[inode] = path.read_bytes()
        pin = self._pins / str(inode)
        if not pin.exists():
            os.link(path, pin)

    def _restore(self, live: Path | None, inode: int, target: Path, rng: random.Random) -> None:
        """Write a folder with what may be left in it."""
        target.mkdir()
        before, now = self._entries.get(inode, {}), _list(live) if live else {}
        for name in sorted(before.keys() | now.keys()):
            choices = [before.get(name), now.get(name)]
            chosen = choices[0] if choices[0] == choices[1] else rng.choice(choices)
            if chosen is None:
                continue
            path = live / name if live and now.get(name) == chosen else None
            if chosen in self._entries or (path and path.is_dir()):
                self._restore(path, chosen, target / name, rng)
            else:
                self._restore_file(path, chosen, target / name, rng)

    def _restore_file(self, live: Path | None, inode: int, target: Path, rng: random.Random) -> None:
        contents = [self._contents.get(inode, b"")]
        if live:
            contents.append(live.read_bytes())
        target.write_bytes(rng.choice(contents))


def _list(folder: Path) -> Entries:
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries if entry.name not in NOT_ON_DISK}
