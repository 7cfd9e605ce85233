"""A row is worked on by one at a time, and never waits for the dead."""

from datetime import timedelta

import pytest
from django.utils import timezone

from catalog import locks
from catalog.models import Image
from catalog.services import claims, uploads

from .conftest import answer_of
from .test_locks import holder, killed


@pytest.fixture
def waiting(db, picture) -> list[Image]:
    for number in range(4):
        uploads.add(picture(number), f"{number}.jpg")
    return list(Image.objects.order_by("pk"))


def claimed(owner: str, most: int = 10) -> list[Image]:
    return claims.claim(Image.objects.pending().in_queue_order(), owner, most)


def any_free() -> bool:
    return claims.any_free(Image.objects.pending())


def test_rows_are_claimed_in_the_order_of_the_queue_and_no_more_than_asked(waiting):
    with claims.owner(Image) as owner:
        assert claimed(owner, 3) == waiting[:3]
        assert claimed(owner, 3) == waiting[3:]
        assert claimed(owner, 3) == []


def test_a_claim_gives_its_rows_even_where_it_takes_them_out_of_the_queue(waiting):
    with claims.owner(Image) as owner:
        assert claims.claim(Image.objects.pending().in_queue_order().filter(attempts=0), owner, 2) == waiting[:2]


def test_two_owners_never_hold_the_same_row(waiting):
    with claims.owner(Image) as one, claims.owner(Image) as other:
        assert claimed(one, 2) == waiting[:2]
        assert claimed(other) == waiting[2:]


def test_an_owner_lets_go_of_what_it_did_not_finish(waiting):
    with claims.owner(Image) as owner:
        claimed(owner)
    assert Image.objects.filter(claim="", claim_expires_at=None).count() == 4


def test_an_owner_lets_go_when_it_fails(waiting):
    with pytest.raises(KeyError), claims.owner(Image) as owner:
        claimed(owner)
        raise KeyError
    assert not Image.objects.exclude(claim="").exists()


def test_each_claim_is_counted(waiting):
    for _ in range(3):
        with claims.owner(Image) as owner:
            claimed(owner)
    assert set(Image.objects.values_list("attempts", flat=True)) == {3}


def test_rows_of_a_living_owner_on_this_machine_stay_its_own(waiting):
    with claims.owner(Image) as owner:
        claimed(owner)
        assert not any_free()
        with claims.owner(Image) as other:
            assert claimed(other) == []


def test_rows_of_a_killed_owner_on_this_machine_are_free_at_once(waiting, settings):
    with claims.owner(Image) as owner:
        machine = owner.rpartition(":")[0]
    process = holder(settings.LOCKS_DIR / "claims" / "0123abcd.lock")
    later = timezone.now() + claims.LASTING
    Image.objects.update(claim=f"{machine}:0123abcd", claim_expires_at=later)

    assert not any_free()
    killed(process)
    assert any_free()
    with claims.owner(Image) as owner:
        assert claimed(owner) == waiting
    assert not list((settings.LOCKS_DIR / "claims").iterdir())


def test_rows_of_another_machine_are_free_when_their_claim_expires(waiting):
    soon = timezone.now() + timedelta(minutes=1)
    Image.objects.update(claim="elsewhere:0123abcd", claim_expires_at=soon)
    with claims.owner(Image) as owner:
        assert claimed(owner) == []
        Image.objects.update(claim_expires_at=timezone.now())
        assert claimed(owner) == waiting


def test_a_renewed_claim_lasts_as_long_again(waiting):
    with claims.owner(Image) as owner:
        image = claimed(owner)[0]
        almost_over = timezone.now() + timedelta(seconds=1)
        Image.objects.filter(pk=image.pk).update(claim_expires_at=almost_over)
        claims.renew(image)
        image.refresh_from_db()
        assert image.claim_expires_at > timezone.now() + claims.LASTING / 2


def test_a_claim_that_another_took_over_is_not_renewed(waiting):
    with claims.owner(Image) as owner:
        image = claimed(owner)[0]
        then = timezone.now()
        Image.objects.filter(pk=image.pk).update(claim="elsewhere:1", claim_expires_at=then)
        claims.renew(image)
        image.refresh_from_db()
        assert (image.claim, image.claim_expires_at) == ("elsewhere:1", then)


def test_a_claims_lock_lasts_as_long_as_its_owner(db, settings):
    with claims.owner(Image):
        (lock,) = (settings.LOCKS_DIR / "claims").iterdir()
        assert locks.is_held(lock)
    assert not list((settings.LOCKS_DIR / "claims").iterdir())


def test_two_processes_share_a_queue_and_no_row(installation):
    installation.run(
        "from catalog.models import Image\n"
        "Image.objects.bulk_create([Image(sha256=f'{n:064}', width=1, height=1, bytes=1, thumbnail_width=1,"
        " thumbnail_height=1) for n in range(200)])\n"
        "print(0)"
    )
    script = (
        "from catalog.models import Image\n"
        "from catalog.services import claims\n"
        "mine = []\n"
        "with claims.owner(Image) as owner:\n"
        "    while rows := claims.claim(Image.objects.pending().in_queue_order(), owner, 5):\n"
        "        mine += [row.pk for row in rows]\n"
        "        Image.objects.filter(claim=owner).update(status='indexed', claim='', claim_expires_at=None)\n"
        "print(mine)"
    )
    one, other = map(answer_of, [installation.start(script), installation.start(script)])
    assert sorted(one + other) == list(range(1, 201))
