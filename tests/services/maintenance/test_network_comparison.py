"""Networks are compared on the pictures of the catalogue, as searches would rank them."""

import numpy as np
import pytest
from django.core.files.storage import default_storage

from catalog.exceptions import ImageSearchError
from catalog.features.extractors import space_for_network
from catalog.models import FeatureSpace, Image, Tag
from catalog.services.index import spaces
from catalog.services.maintenance import network_comparison, network_quality
from catalog.services.maintenance.comparison_samples import choose_sample
from catalog.services.maintenance.network_quality import Competitor, Quality
from tests import indexed_images
from tests.services.maintenance.labelled_pictures import add_kinds, write_small_network

pytestmark = pytest.mark.django_db


@pytest.fixture
def kinds(picture, small_comparison) -> list[Image]:
    """Twenty images in four collections."""
    return add_kinds(picture, 4, 5)


def test_every_figure_of_every_network_is_given(kinds, settings):
    write_small_network(settings.MODELS_DIR / "small.onnx")
    result = network_comparison.compare().as_json()
    lite2, small = result["networks"]
    assert (result["images"], result["labels"], result["unreadable"]) == (20, "collection", 0)
    assert (lite2["name"], small["name"]) == ("efficientnet-lite2", "onnx:small")
    assert lite2["map"] > 0.8
    assert lite2["map_interval"][0] <= lite2["map"] <= lite2["map_interval"][1]
    assert list(lite2["copies"]) == ["q40", "half", "crop10", "turn5", "mirror"]
    assert np.mean(list(lite2["copies"].values())) == pytest.approx(lite2["copies_first"], abs=1e-3)
    dimensions = space_for_network(spaces.choose_network()).dimensions
    assert (lite2["bytes_per_row"], small["bytes_per_row"]) == (2 * dimensions, 2 * 32)
    assert 0 < small["ms"] < lite2["ms"]
    assert result["current"] == "efficientnet-lite2"


def test_images_without_labels_are_compared_by_altered_copies(picture, small_comparison):
    add_kinds(picture, 20, 1)
    result = network_comparison.compare().as_json()
    (lite2,) = result["networks"]
    assert (result["images"], result["labels"], lite2["map"]) == (20, None, None)
    assert lite2["copies_first"] > 0.5
    assert lite2["copies"]["q40"] == 1
    assert result["reason"] == "efficientnet-lite2 is the only network that could be measured."
    assert result["switch"] == "The catalogue uses it already."


def test_an_earlier_recipe_of_the_network_is_not_in_use_already(kinds):
    FeatureSpace.objects.update(description=FeatureSpace.objects.get().description | {"layer": "another"})
    assert "rebuild_index --reextract --extractor efficientnet-lite2" in network_comparison.compare().switch


def test_a_broken_network_is_listed_with_its_error_and_the_others_go_on(kinds, settings):
    settings.VGG16_WEIGHTS = settings.MODELS_DIR / "nowhere.h5"
    settings.EXTRACTOR = "keras:NoNetwork"
    path = write_small_network(settings.MODELS_DIR / "broken.onnx")
    path.write_bytes(path.read_bytes()[:200])
    write_small_network(settings.MODELS_DIR / "undescribed.onnx").with_suffix(".toml").unlink()
    result = network_comparison.compare().as_json()
    errors = {network["name"]: network["error"] for network in result["networks"]}
    assert errors.pop("efficientnet-lite2") is None
    assert "there is no file" in errors.pop("vgg16")
    assert "keras.applications has no network 'NoNetwork'" in errors.pop("keras:NoNetwork")
    assert "broken.onnx" in errors.pop("onnx:broken")
    ((name, error),) = errors.items()
    assert name.endswith("undescribed.onnx")
    assert "needs a description beside it" in error
    assert result["recommended"] == "efficientnet-lite2"


def test_originals_that_cannot_be_read_are_skipped_and_counted(kinds, picture):
    pair = add_kinds(picture, 2, 2, first=4)[-4:]
    for image in (kinds[0], kinds[1], pair[0]):  # the other one of the pair then has a label that no other image has
        default_storage.delete(str(image.original))
    comparison = network_comparison.compare(sample_size=30)
    assert (comparison.image_count, comparison.unreadable) == (20, 3)
    assert comparison.candidates[0].as_json()["map"] > 0.8


def test_too_few_readable_originals_are_reported(small_comparison):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(4, 6))  # without files
    with pytest.raises(ImageSearchError, match=r"needs 20 or more searchable images .* but there are 0"):
        network_comparison.compare()


def test_too_few_images_and_labels_are_reported(catalogue):
    with pytest.raises(ImageSearchError, match=r"needs 20 or more searchable images .* but there are 6"):
        choose_sample(None, 500)
    with pytest.raises(ImageSearchError, match="by tags needs 20 or more searchable images with 2 or more different"):
        choose_sample("tag", 500)


def test_a_sample_has_whole_labels_and_is_the_same_every_time(db):
    indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(12, 10), collections=[f"Kind {number // 10}" for number in range(120)]
    )
    sample = choose_sample(None, 40)
    assert np.unique(sample.labels, return_counts=True)[1].tolist() == [4] * 10
    assert sample.images.tolist() == choose_sample("collection", 40).images.tolist()
    few_labels = Image.objects.filter(collection__name__in=["Kind 0", "Kind 1"])
    Image.objects.exclude(pk__in=few_labels).update(collection=None)
    assert len(choose_sample(None, 20).images) == 20


def test_tags_are_taken_where_there_are_no_collections(db):
    images = indexed_images.add_indexed_images(indexed_images.clustered_vectors(2, 12))
    for number in range(2):
        Tag.objects.create(name=f"tag {number}").images.set(images[number * 12 : number * 12 + 12])
    assert choose_sample(None, 500).kind == "tag"


def test_measured_quality_is_that_of_the_ranking():
    """Two kinds; the copies of the second image are those of an image of the other kind."""
    vectors = indexed_images.clustered_vectors(2, 2)
    copies = vectors[[0, 3], np.newaxis].repeat(5, axis=1)
    quality = network_quality.measure_quality(vectors, np.array([1, 1, 2, 2]), copies, np.array([0, 1]))
    assert quality.average_precisions.tolist() == [1, 1, 1, 1]
    assert quality.correct_first.tolist() == [1, 1, 1, 1]
    assert quality.copies_first.tolist() == [[True] * 5, [False] * 5]


def competitor(name: str, precisions: list[float] | None, copies: list[float], milliseconds: float) -> Competitor:
    values = None if precisions is None else np.array(precisions)
    return Competitor(name, name, Quality(values, values, np.array(copies)[:, np.newaxis] > 0), milliseconds)


def test_the_best_network_is_recommended_although_it_is_slower():
    good = competitor("good", [0.9, 0.8, 0.95] * 20, [1], 100)
    bad = competitor("bad", [0.8, 0.7, 0.9] * 20, [1], 10)
    chosen, reason = network_quality.choose([bad, good])
    assert chosen is good
    assert str(reason) == "good ranks these images best: its mAP is 0.883, that of the next best 0.800."


def test_the_faster_network_is_recommended_if_the_difference_may_be_chance():
    rng = np.random.default_rng(0)
    slow = competitor("slow", (0.8 + 0.1 * rng.standard_normal(50)).tolist(), [1], 100)
    fast = competitor("fast", (0.795 + 0.1 * rng.standard_normal(50)).tolist(), [1], 10)
    chosen, reason = network_quality.choose([slow, fast])
    assert chosen is fast
    assert str(reason).startswith("fast is faster than slow, and what it finds does not differ")


def test_without_labels_the_network_that_finds_most_copies_is_recommended():
    good = competitor("good", None, [1] * 40, 100)
    bad = competitor("bad", None, [1, 0] * 20, 10)
    chosen, reason = network_quality.choose([good, bad])
    assert chosen is good
    assert str(reason) == "good finds altered copies best: a share of 1.000, the next best 0.500."
