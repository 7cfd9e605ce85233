"""What labels images have."""

import pytest

from catalog.models import Collection, Image, Tag
from catalog.services.labels import Labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def tags(catalogue) -> tuple[Tag, Tag, Tag]:
    common, rare, single = (Tag.objects.create(name=name) for name in ("common", "rare", "single"))
    common.images.set(catalogue[:5])
    rare.images.set(catalogue[3:6])
    single.images.set(catalogue[4:5])
    return common, rare, single


def by_image(labels: Labels) -> dict[int, int]:
    assert len(set(labels.images.tolist())) == len(labels.images)
    return dict(zip(labels.images.tolist(), labels.labels.tolist(), strict=True))


def test_an_image_counts_under_the_rarest_of_its_tags(catalogue, tags):
    common, rare, single = tags
    expected = [common, common, common, rare, single, rare]
    assert by_image(Labels.of("tag").one_each(1)) == {
        image.pk: tag.pk for image, tag in zip(catalogue, expected, strict=True)
    }


def test_a_label_of_too_few_images_is_left_out(catalogue, tags):
    assert set(by_image(Labels.of("tag").one_each(2)).values()) == {tags[0].pk, tags[1].pk}
    assert set(by_image(Labels.of("tag").one_each(3)).values()) == {tags[0].pk}
    assert by_image(Labels.of("tag").one_each(4)) == {}


def test_images_without_a_label_and_such_as_wait_have_none(catalogue):
    bags = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:2]]).update(collection=bags)
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.PENDING)
    assert by_image(Labels.of("collection")) == {catalogue[1].pk: bags.pk}
