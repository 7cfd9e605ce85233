"""Labels of images for training and evaluation."""

import pytest

from catalog.models import Collection, Image, Tag
from catalog.services.index.training.image_labels import Labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def tags(catalogue) -> tuple[Tag, Tag, Tag]:
    common, rare, single = (Tag.objects.create(name=name) for name in ("common", "rare", "single"))
    common.images.set(catalogue[:5])
    rare.images.set(catalogue[3:6])
    single.images.set(catalogue[4:5])
    return common, rare, single


def labels_by_image(labels: Labels) -> dict[int, int]:
    assert len(set(labels.images.tolist())) == len(labels.images)
    return dict(zip(labels.images.tolist(), labels.labels.tolist(), strict=True))


def test_only_the_rarest_tag_of_an_image_is_kept(catalogue, tags):
    common, rare, single = tags
    expected = [common, common, common, rare, single, rare]
    assert labels_by_image(Labels.load("tag").one_per_image(1)) == {
        image.pk: tag.pk for image, tag in zip(catalogue, expected, strict=True)
    }


def test_labels_with_too_few_images_are_dropped(catalogue, tags):
    assert set(labels_by_image(Labels.load("tag").one_per_image(2)).values()) == {tags[0].pk, tags[1].pk}
    assert set(labels_by_image(Labels.load("tag").one_per_image(3)).values()) == {tags[0].pk}
    assert labels_by_image(Labels.load("tag").one_per_image(4)) == {}


def test_pending_images_and_images_without_a_label_are_omitted(catalogue):
    collection = Collection.objects.create(name="Bags")
    Image.objects.filter(pk__in=[image.pk for image in catalogue[:2]]).update(collection=collection)
    Image.objects.filter(pk=catalogue[0].pk).update(status=Image.Status.PENDING)
    assert labels_by_image(Labels.load("collection")) == {catalogue[1].pk: collection.pk}
