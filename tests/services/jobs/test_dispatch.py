"""Notifications are sent to tasks by name, and never undo the work that they announce."""

import pytest
from celery import current_app

from catalog import tasks
from catalog.services.jobs import dispatch


@pytest.mark.parametrize(
    "task_name",
    [dispatch.INDEX_PENDING_TASK, dispatch.RUN_IMPORT_TASK, dispatch.RUN_REBUILDS_TASK, dispatch.RUN_COMPARISONS_TASK],
)
def test_the_task_exists(task_name):
    assert current_app.tasks[task_name].name == f"{tasks.__name__}.{task_name.rpartition('.')[2]}"
