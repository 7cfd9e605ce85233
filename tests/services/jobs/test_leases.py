"""A row is leased by one worker at a time, and the rows of dead workers are leased again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog import locks
from catalog.models import Image
from catalog.services.ingest import uploads
from catalog.services.jobs import leases
from tests.processes import read_json_output
from tests.test_locks import kill, start_lock_holder


@pytest.fixture
def pending_images(db, picture) -> list[Image]:
    for number in range(4):
        uploads.add_picture(picture(number), f"{number}.jpg")
    return list(Image.objects.order_by("pk"))


def lease(owner: str, limit: int = 10) -> list[Image]:
    return leases.lease(Image.objects.pending().order_by_attempts(), owner, limit)


def any_available() -> bool:
    return leases.any_available(Image.objects.pending())


def test_rows_are_leased_in_the_order_of_the_queue_up_to_the_limit(pending_images):
    with leases.lease_owner(Image) as owner:
        assert lease(owner, 3) == pending_images[:3]
        assert lease(owner, 3) == pending_images[3:]
        assert lease(owner, 3) == []


def test_a_lease_includes_rows_that_no_longer_meet_the_condition_of_the_queue(pending_images):
    with leases.lease_owner(Image) as owner:
        queue = Image.objects.pending().order_by_attempts().filter(attempts=0)
        assert leases.lease(queue, owner, 2) == pending_images[:2]


def test_two_owners_never_lease_the_same_row(pending_images):
    with leases.lease_owner(Image) as one, leases.lease_owner(Image) as other:
        assert lease(one, 2) == pending_images[:2]
        assert lease(other) == pending_images[2:]


def test_an_owner_releases_its_rows_at_the_end(pending_images):
    with leases.lease_owner(Image) as owner:
        lease(owner)
    assert Image.objects.filter(lease_owner="", lease_expires_at=None).count() == 4


def test_an_owner_releases_its_rows_after_an_exception(pending_images):
    with pytest.raises(KeyError), leases.lease_owner(Image) as owner:
        lease(owner)
        raise KeyError
    assert not Image.objects.exclude(lease_owner="").exists()


def test_each_lease_is_counted(pending_images):
    for _ in range(3):
        with leases.lease_owner(Image) as owner:
            lease(owner)
    assert set(Image.objects.values_list("attempts", flat=True)) == {3}


def test_rows_of_a_living_owner_stay_leased(pending_images):
    with leases.lease_owner(Image) as owner:
        lease(owner)
        assert not any_available()
        with leases.lease_owner(Image) as other:
            assert lease(other) == []


def test_rows_of_a_killed_owner_on_this_machine_are_released_at_once(pending_images, settings):
    with leases.lease_owner(Image) as owner:
        hostname = owner.rpartition(":")[0]
    process = start_lock_holder(settings.LOCKS_DIR / "leases" / "0123abcd.lock")
    expires_at = timezone.now() + leases.LEASE_DURATION
    Image.objects.update(lease_owner=f"{hostname}:0123abcd", lease_expires_at=expires_at)

    assert not any_available()
    kill(process)
    assert any_available()
    with leases.lease_owner(Image) as owner:
        assert lease(owner) == pending_images
    assert not list((settings.LOCKS_DIR / "leases").iterdir())


def test_rows_of_another_machine_are_available_when_their_lease_expires(pending_images):
    expires_at = timezone.now() + timedelta(minutes=1)
    Image.objects.update(lease_owner="other-host:0123abcd", lease_expires_at=expires_at)
    with leases.lease_owner(Image) as owner:
        assert lease(owner) == []
        Image.objects.update(lease_expires_at=timezone.now())
        assert lease(owner) == pending_images


def test_a_renewed_lease_lasts_the_full_duration(pending_images):
    with leases.lease_owner(Image) as owner:
        image = lease(owner)[0]
        expires_at = timezone.now() + timedelta(seconds=1)
        Image.objects.filter(pk=image.pk).update(lease_expires_at=expires_at)
        leases.renew(image)
        image.refresh_from_db()
        assert image.lease_expires_at > timezone.now() + leases.LEASE_DURATION / 2


def test_a_lost_lease_is_not_renewed(pending_images):
    with leases.lease_owner(Image) as owner:
        image = lease(owner)[0]
        expires_at = timezone.now()
        Image.objects.filter(pk=image.pk).update(lease_owner="other-host:1", lease_expires_at=expires_at)
        leases.renew(image)
        image.refresh_from_db()
        assert (image.lease_owner, image.lease_expires_at) == ("other-host:1", expires_at)


def test_the_lock_of_an_owner_lasts_as_long_as_the_owner(db, settings):
    with leases.lease_owner(Image):
        (lock,) = (settings.LOCKS_DIR / "leases").iterdir()
        assert locks.is_locked(lock)
    assert not list((settings.LOCKS_DIR / "leases").iterdir())


@pytest.mark.slow
def test_two_processes_lease_different_rows_of_a_queue(installation):
    installation.run(
        "from catalog.models import Image\n"
        "Image.objects.bulk_create([Image(sha256=f'{n:064}', width=1, height=1, bytes=1, thumbnail_width=1,"
        " thumbnail_height=1) for n in range(200)])\n"
        "print(0)"
    )
    script = (
        "from catalog.models import Image\n"
        "from catalog.services.jobs import leases\n"
        "leased_ids = []\n"
        "with leases.lease_owner(Image) as owner:\n"
        "    while rows := leases.lease(Image.objects.pending().order_by_attempts(), owner, 5):\n"
        "        leased_ids += [row.pk for row in rows]\n"
        "        mine = Image.objects.filter(lease_owner=owner)\n"
        "        mine.update(status='indexed', lease_owner='', lease_expires_at=None)\n"
        "print(leased_ids)"
    )
    one, other = map(read_json_output, [installation.start(script), installation.start(script)])
    assert sorted(one + other) == list(range(1, 201))
