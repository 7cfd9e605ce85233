"""What the schedule of beat does besides work on images."""

from datetime import timedelta

import pytest
from celery.signals import after_task_publish, beat_init
from django.contrib.sessions.models import Session
from django.utils import timezone

from catalog import tasks
from catalog.services.monitoring import beat_sign


@pytest.mark.django_db
def test_expired_sessions_are_deleted():
    now = timezone.now()
    for key, expires_at in (("old", now - timedelta(seconds=1)), ("new", now + timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=expires_at)
    tasks.clean_up()
    assert [session.session_key for session in Session.objects.all()] == ["new"]


def test_beat_gives_a_sign_when_it_starts_and_whenever_it_has_sent_a_task(settings):
    assert beat_sign.seconds_since() is None
    beat_init.send(sender=None)
    try:
        assert beat_sign.seconds_since() < 5
        (settings.VAR_DIR / "beat-sign").unlink()
        after_task_publish.send(sender="catalog.tasks.clean_up")
        assert beat_sign.seconds_since() < 5
    finally:
        after_task_publish.disconnect(beat_sign.record)
