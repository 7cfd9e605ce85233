"""The tables of the database as JSON lines, which SQLite and PostgreSQL read alike.

Rows are read and written through the models of the migrations that the backup names, not through those of the program:
so a backup of an earlier version is restored into its own schema, and migrated afterwards.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field, Model, QuerySet

from catalog.exceptions import BackupRejected

ROWS_PER_BATCH = 2000


def current_migrations() -> dict[str, str]:
    """The last migration of each application.

    Raises:
        BackupRejected: not all of them are applied.
    """
    executor = MigrationExecutor(connection)
    targets = executor.loader.graph.leaf_nodes()
    if executor.migration_plan(targets):
        raise BackupRejected("The database is of an earlier version. Run this first: python manage.py migrate")
    return dict(targets)


def prepare_schema(migrations: dict[str, str]) -> None:
    """Create the tables as they were after these migrations. There are no images yet.

    Raises:
        BackupRejected: the program has no such migration, or the tables are newer and cannot be taken back.
    """
    for target in migrations.items():
        executor = MigrationExecutor(connection)
        if target not in executor.loader.graph.nodes:
            raise BackupRejected(
                "The backup was written by a later version of the program, which has the migration {app} {name}. "
                "Install that version.",
                app=target[0],
                name=target[1],
            )
        try:
            executor.migrate([target])
        except IrreversibleError as error:
            raise BackupRejected("The backup is of an earlier version. Restore it into an empty database.") from error


def models_after(migrations: dict[str, str]) -> list[type[Model]]:
    """All models as they were after these migrations."""
    state = MigrationExecutor(connection).loader.project_state(list(migrations.items()))
    return state.apps.get_models(include_auto_created=True)


@contextmanager
def snapshot() -> Iterator[None]:
    """Read one state of the database throughout the block. Nobody has to wait for it to end."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # unlike `atomic`, which takes the lock for writing
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def dump(model: type[Model], file: IO[bytes]) -> None:
    """Write the rows of a table: one line with the names of the columns, then one line for each row."""
    names = [field.attname for field in _fields(model)]
    file.write(json.dumps(names).encode() + b"\n")
    for row in _rows(model).values_list(*names).iterator(ROWS_PER_BATCH):
        file.write(json.dumps(row, default=_as_json, ensure_ascii=False).encode() + b"\n")


def load(model: type[Model], lines: Iterable[bytes]) -> None:
    """Insert the rows that `dump` wrote. Leases are not taken over: their owners are not here.

    Raises:
        BackupRejected: the columns are not those of the model.
    """
    fields = {field.attname: field for field in _fields(model)}
    iterator = iter(lines)
    names = json.loads(next(iterator, b"[]"))
    if set(names) != set(fields):
        raise BackupRejected("The backup does not have the columns of {table}.", table=model._meta.db_table)
    for field in fields.values():
        field.auto_now = field.auto_now_add = False  # type: ignore[attr-defined]  # dates are those of the backup
    free = {"lease_owner": "", "lease_expires_at": None} if "lease_owner" in fields else {}
    while batch := list(islice(iterator, ROWS_PER_BATCH)):
        rows = [dict(zip(names, json.loads(line), strict=True)) | free for line in batch]
        objects = [model(**{name: fields[name].to_python(value) for name, value in row.items()}) for row in rows]
        model._base_manager.bulk_create(objects)


def clear(models: Iterable[type[Model]]) -> None:
    """Delete all rows, such as the permissions that the migrations made: those of the backup have other ids.

    Call it in a transaction: the database checks at its end that no row refers to a deleted one.
    """
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608, no input


def reset_sequences(models: list[type[Model]]) -> None:
    """Let new rows get ids above those that were loaded."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _fields(model: type[Model]) -> list[Field]:
    return [field for field in model._meta.local_fields if field.column]


def _rows(model: type[Model]) -> QuerySet:
    """The rows of a table that belong into a backup: no sessions."""
    rows = model._base_manager.order_by("pk")
    return rows.none() if model._meta.label == "sessions.Session" else rows


def _as_json(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else str(value)
