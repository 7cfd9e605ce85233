"""Backups and restores are in the audit log."""

import getpass

from django.core.management import call_command

from catalog.models import AuditEntry
from catalog.services.accounts.audit import Action
from catalog.tasks import back_up


def entries() -> list[tuple]:
    rows = AuditEntry.objects.filter(action__in=[Action.BACKED_UP, Action.RESTORED]).order_by("pk")
    return list(rows.values_list("action", "origin", "user_name", "target", "count"))


def test_the_commands_name_the_user_of_the_system_and_the_file(pictures, tmp_path, move_to_empty_site, capsys):
    path = tmp_path / "monday.tar"
    call_command("backup", path)
    assert entries() == [("backed up", "command", getpass.getuser(), str(path), 6)]
    move_to_empty_site()
    call_command("restore", path)
    assert entries() == [("restored", "command", getpass.getuser(), str(path), 6)]


def test_the_daily_backup_is_of_a_worker(pictures, settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "backups"
    back_up()
    [path] = settings.BACKUP_DIR.iterdir()
    assert entries() == [("backed up", "worker", "", str(path), 6)]
