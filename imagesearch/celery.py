"""The Celery application. Run workers with `--pool solo`, since TensorFlow is not fork-safe. Scale by processes."""

import logging.config
import os
from typing import Any

from celery import Celery, Task
from celery.signals import before_task_publish, setup_logging, task_prerun
from django.conf import settings

from catalog.services.accounts.actor import Actor, current_actor, set_actor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")

app = Celery("imagesearch")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def configure_logging(loglevel: int, **_: object) -> None:
    """Log as the site does, from the level of the command line on."""
    logging.config.dictConfig(settings.LOGGING)
    logging.getLogger().setLevel(loglevel)


@before_task_publish.connect
def send_request_id(headers: dict[str, Any], **_: object) -> None:
    """Send the identifier of the request that causes a task with it."""
    headers["request_id"] = current_actor().request_id


@task_prerun.connect
def receive_request_id(task: Task, **_: object) -> None:
    """Have the log of a task name the request that caused it."""
    set_actor(Actor(request_id=task.request.get("request_id") or ""))
