"""The daily backup."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from catalog import locks
from catalog.exceptions import StoreUnavailable
from catalog.services.backup import daily
from catalog.tasks import back_up


@pytest.fixture
def folder(settings, tmp_path):
    """The folder of the backups, which does not exist yet."""
    settings.BACKUP_DIR = tmp_path / "backups"
    return settings.BACKUP_DIR


def age(path, days):
    moment = (timezone.now() - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


def test_nothing_is_written_without_a_folder(pictures, settings):
    settings.BACKUP_DIR = None
    back_up()
    assert daily.last_backup_at() is None


def test_one_is_written_each_day(pictures, folder):
    assert daily.last_backup_at() is None
    back_up()
    [first] = folder.iterdir()
    assert timezone.now() - daily.last_backup_at() < timedelta(minutes=1)
    back_up()
    assert list(folder.iterdir()) == [first]
    age(first, days=1)
    first.rename(folder / "imagesearch-2020-01-01T000000Z.tar")
    back_up()
    assert len(list(folder.iterdir())) == 2


def test_only_the_last_ones_are_kept_and_other_files_are_left_alone(pictures, folder):
    folder.mkdir()
    (folder / "notes.txt").touch()
    (folder / ".killed.tmp").touch()
    age(folder / ".killed.tmp", days=1)
    for day in range(10, 20):
        (folder / f"imagesearch-2020-01-{day}T030000Z.tar").touch()
        age(folder / f"imagesearch-2020-01-{day}T030000Z.tar", days=2)
    back_up()
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == daily.KEPT_BACKUPS + 1
    assert names[0] == "imagesearch-2020-01-14T030000Z.tar"
    assert names[-1] == "notes.txt"


def test_backups_of_an_administrator_in_the_same_folder_are_left_alone(pictures, folder):
    folder.mkdir()
    finished, unfinished = folder / "imagesearch-before-upgrade.tar", folder / ".unfinished.tmp"
    for path in (finished, unfinished):
        path.touch()
    age(finished, days=30)
    back_up()
    assert finished.exists()
    assert unfinished.exists()
    assert timezone.now() - daily.last_backup_at() < timedelta(minutes=1)
    back_up()
    assert len(list(folder.iterdir())) == 3


def test_two_processes_do_not_write_at_once(pictures, folder, settings):
    with locks.file_lock(settings.LOCKS_DIR / "backup.lock"):
        daily.run_if_due()
    assert not folder.exists()


def test_a_backup_that_another_process_has_just_completed_is_enough(pictures, folder, monkeypatch):
    """It was being written when this process looked for the last one."""
    hold = locks.file_lock

    def hold_after_another_process(path):
        folder.mkdir()
        (folder / "imagesearch-2020-01-01T030000Z.tar").touch()
        return hold(path)

    monkeypatch.setattr(daily.locks, "file_lock", hold_after_another_process)
    daily.run_if_due()
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_reported(pictures, folder, caplog):
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    with pytest.raises(StoreUnavailable, match="could not be written"):
        daily.run_if_due()
