"""Query photos are kept for a while, apart from the catalogue."""

import io
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as Pixels

from catalog.exceptions import NothingIndexed, PictureRefused
from catalog.models import FeatureSpace, Image, QueryPhoto
from catalog.services import orphans, queries, rebuilding, searching, spaces
from tests import described


def kept(photo: QueryPhoto) -> Pixels.Image:
    return Pixels.open(io.BytesIO(bytes(photo.picture)))


def test_a_photo_is_remembered_with_its_descriptor_and_finds_itself(catalogue, picture):
    photo = queries.remember(picture(3), "../my photo.jpg")
    assert photo.label == "my photo.jpg"
    hit = searching.search(queries.descriptor_of(photo)).hits[0]
    assert (hit.image, hit.score >= 0.999) == (catalogue[3], True)


def test_a_photo_never_enters_the_catalogue(catalogue, picture, settings):
    before = sorted(settings.MEDIA_ROOT.rglob("*"))
    queries.remember(picture(99), "mine.jpg")
    assert Image.objects.count() == 6
    assert sorted(settings.MEDIA_ROOT.rglob("*")) == before
    assert not orphans.found()


def test_a_photo_is_kept_smaller_and_without_its_metadata(catalogue, picture):
    exif = Pixels.Exif()
    exif[0x010E] = "who was where"
    photo = queries.remember(picture(1, size=(3000, 1500), exif=exif), "large.jpg")
    assert kept(photo).size == (1024, 512)
    assert kept(photo).format == "WEBP"
    assert not kept(photo).getexif()


def test_tokens_cannot_be_guessed_from_each_other(catalogue, picture):
    tokens = {queries.remember(picture(1), "a.jpg").token for _ in range(5)}
    assert len(tokens) == 5
    assert min(map(len, tokens)) >= 20


def test_a_photo_expires_after_the_hours_that_the_settings_say(catalogue, picture, settings):
    settings.QUERY_HOURS = 2
    photo = queries.remember(picture(1), "a.jpg")
    assert photo.expires_at - timezone.now() == pytest.approx(timedelta(hours=2), abs=timedelta(minutes=1))


def test_what_has_expired_is_swept_and_nothing_else(catalogue, picture):
    old, young = queries.remember(picture(1), "a.jpg"), queries.remember(picture(2), "b.jpg")
    QueryPhoto.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert queries.sweep() == 1
    assert QueryPhoto.objects.get() == young


def test_a_new_search_sweeps_too(catalogue, picture):
    old = queries.remember(picture(1), "a.jpg")
    QueryPhoto.objects.update(expires_at=timezone.now())
    queries.remember(picture(2), "b.jpg")
    assert not QueryPhoto.objects.filter(pk=old.pk).exists()


def test_what_is_no_picture_is_refused_and_not_kept(catalogue):
    with pytest.raises(PictureRefused):
        queries.remember(b"words", "a.jpg")
    assert not QueryPhoto.objects.exists()


def test_nothing_is_kept_while_nothing_is_searchable(db, picture):
    with pytest.raises(NothingIndexed):
        queries.remember(picture(1), "a.jpg")
    assert not QueryPhoto.objects.exists()


def test_a_photo_is_described_again_in_a_new_space(catalogue, picture):
    photo = queries.remember(picture(3), "a.jpg")
    before = queries.descriptor_of(photo)
    photo.space_key, photo.descriptor = "an older space", np.ones(3, "<f4").tobytes()
    photo.save()
    again = queries.descriptor_of(QueryPhoto.objects.get())
    assert again.vector @ before.vector > 0.9
    assert QueryPhoto.objects.get().space_key == spaces.active().space.key
    assert FeatureSpace.objects.count() == 1


def test_a_photo_so_narrow_that_it_lies_below_the_limits_once_made_smaller_is_described_again_too(catalogue, picture):
    photo = queries.remember(picture(3, size=(4000, 20)), "a.jpg")
    assert min(kept(photo).size) < 16
    photo.space_key = "an older space"
    assert np.linalg.norm(queries.descriptor_of(photo).vector) == pytest.approx(1, abs=1e-5)


def test_a_photo_from_before_a_whitening_was_learned_still_finds_itself(catalogue, picture):
    photo = queries.remember(picture(3), "a.jpg")
    before = bytes(photo.descriptor)
    described.add(described.kinds(12, 10))
    rebuilding.rebuild()
    hit = searching.search(queries.descriptor_of(QueryPhoto.objects.get())).hits[0]
    assert (hit.image, hit.score >= 0.999) == (catalogue[3], True)
    assert bytes(QueryPhoto.objects.get().descriptor) == before  # what is kept is not whitened, and serves on
