"""Tests of the command evaluate."""

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Collection, Image, Segment, Tag
from catalog.services.index import rebuilding, store
from tests import indexed_images

pytestmark = pytest.mark.django_db

EXPECTED_KEYS = ["map", "precision_at_1", "precision_at_10", "recall_vs_exact_at_10", "queries", "p50_ms", "p95_ms"]


@pytest.fixture
def labelled_images(catalogue) -> list[Image]:
    """Six searchable images in two collections."""
    for number, image in enumerate(catalogue):
        image.collection = Collection.objects.get_or_create(name=f"Kind {number % 2}")[0]
        image.save()
    return catalogue


def test_json_output(manage, labelled_images):
    result = manage("evaluate", "--json")
    assert result.status == 0
    assert list(result.json)[:7] == EXPECTED_KEYS
    assert list(result.json)[7:] == [
        "map_interval",
        "precision_at_1_interval",
        "precision_at_10_interval",
        "projection",
    ]
    assert result.json["queries"] == 6
    assert result.json["precision_at_10"] == 0.4  # two of the five other images, in any order
    assert result.json["recall_vs_exact_at_10"] == 1
    assert 0 < result.json["p50_ms"] <= result.json["p95_ms"]
    low, high = result.json["map_interval"]
    assert low <= result.json["map"] <= high


def test_text_output_has_every_figure(manage, labelled_images):
    result = manage("evaluate")
    assert result.status == 0
    for words in ("6 queries", "mAP ", "precision at 1 ", "precision at 10", "recall at 10", "95th percentile"):
        assert words in result.out


def test_tags_can_be_labels(manage, labelled_images):
    red, blue = Tag.objects.create(name="red"), Tag.objects.create(name="blue")
    red.images.set(labelled_images[:2])
    blue.images.set(labelled_images[2:4])
    assert manage("evaluate", "--labels", "tag", "--json").json["queries"] == 4


def test_the_number_of_queries_can_be_limited(manage, labelled_images):
    assert manage("evaluate", "--queries", 2, "--json").json["queries"] == 2


@pytest.mark.slow
def test_expanded_searches_can_be_evaluated(manage, db):
    indexed_images.add_indexed_images(
        indexed_images.clustered_vectors(12, 10, spread=0.7),
        collections=[f"Kind {kind}" for kind in range(12) for _ in range(10)],
    )
    rebuilding.rebuild()
    plain, expanded = (manage("evaluate", *more, "--json").json for more in ((), ("--expand", 5)))
    assert 0 < plain["map"] < 1
    assert expanded["map"] != plain["map"]
    assert expanded["recall_vs_exact_at_10"] == plain["recall_vs_exact_at_10"] == 1
    assert expanded["queries"] == 120


@pytest.mark.slow
def test_both_plots_are_drawn_side_by_side(manage, labelled_images, tmp_path):
    assert manage("evaluate", "--plot", tmp_path / "curves.PNG").status == 0
    plot = Pixels.open(tmp_path / "curves.PNG").convert("RGB")
    assert plot.width > 2 * plot.height
    for half in np.split(np.asarray(plot)[:, : plot.width // 2 * 2], 2, axis=1):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--queries", "0"), "--queries is 0; it must be at least 1."),
        (("--queries", "many"), "--queries"),
        (("--expand", "-1"), "--expand is -1; it must be between 0 and 50."),
        (("--expand", "51"), "--expand is 51; it must be between 0 and 50."),
        (("--expand", "many"), "--expand"),
        (("--labels", "colour"), "--labels"),
        (("--labels", "tag"), "no searchable image has a label"),
        (("--plot", "curves.doc"), "--plot is curves.doc; the file name must end in .png."),
        (("--plot", "curves"), "--plot is curves; the file name must end in .png."),
        (("--plot", "nowhere/curves.png"), "there is no folder nowhere"),
    ],
)
def test_invalid_arguments_are_explained(manage, labelled_images, words, message):
    result = manage("evaluate", *words)
    assert result.status == 1
    assert message in result.err
    assert not result.out


def test_an_empty_catalogue_is_reported_with_advice(manage):
    result = manage("evaluate")
    assert result.status == 1
    assert "needs at least two collections" in result.err


def test_a_damaged_store_is_reported_with_the_repair_command(manage, labelled_images):
    store.segment_path(Segment.objects.get().name).unlink()
    result = manage("evaluate")
    assert result.status == 1
    assert "check_index --repair" in result.err
