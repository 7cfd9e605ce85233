"""evaluate: how well the catalogue ranks, by its own labels."""

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Collection, Image, Segment, Tag
from catalog.services import rebuilding, store
from tests import described

pytestmark = pytest.mark.django_db

CONTRACT = ["map", "precision_at_1", "precision_at_10", "recall_vs_exact_at_10", "queries", "p50_ms", "p95_ms"]


@pytest.fixture
def labelled(catalogue) -> list[Image]:
    """Six searchable images in two collections."""
    for number, image in enumerate(catalogue):
        image.collection = Collection.objects.get_or_create(name=f"Kind {number % 2}")[0]
        image.save()
    return catalogue


def test_the_answer_as_json(manage, labelled):
    told = manage("evaluate", "--json")
    assert told.status == 0
    assert list(told.answer)[:7] == CONTRACT
    assert list(told.answer)[7:] == ["map_interval", "precision_at_1_interval", "precision_at_10_interval"]
    assert told.answer["queries"] == 6
    assert told.answer["precision_at_10"] == 0.4  # two of the five others, in whatever order
    assert told.answer["recall_vs_exact_at_10"] == 1
    assert 0 < told.answer["p50_ms"] <= told.answer["p95_ms"]
    low, high = told.answer["map_interval"]
    assert low <= told.answer["map"] <= high


def test_the_answer_for_people_names_every_figure(manage, labelled):
    told = manage("evaluate")
    assert told.status == 0
    for words in ("6 queries", "mAP ", "precision at 1 ", "precision at 10", "recall at 10", "ms; the slowest"):
        assert words in told.out


def test_tags_are_labels_too(manage, labelled):
    red, blue = Tag.objects.create(name="red"), Tag.objects.create(name="blue")
    red.images.set(labelled[:2])
    blue.images.set(labelled[2:4])
    assert manage("evaluate", "--labels", "tag", "--json").answer["queries"] == 4


def test_a_few_queries_are_enough_where_so_many_are_asked_for(manage, labelled):
    assert manage("evaluate", "--queries", 2, "--json").answer["queries"] == 2


def test_expanded_searches_are_evaluated_where_they_are_asked_for(manage, db):
    described.add(described.kinds(12, 10), collections=[f"Kind {kind}" for kind in range(12) for _ in range(10)])
    rebuilding.rebuild()
    plain, expanded = (manage("evaluate", *more, "--json").answer for more in ((), ("--expand", 5)))
    assert expanded["map"] > plain["map"]
    assert expanded["recall_vs_exact_at_10"] == plain["recall_vs_exact_at_10"] == 1
    assert expanded["queries"] == 120


def test_the_curves_are_drawn_side_by_side(manage, labelled, tmp_path):
    assert manage("evaluate", "--plot", tmp_path / "curves.PNG").status == 0
    drawn = Pixels.open(tmp_path / "curves.PNG").convert("RGB")
    assert drawn.width > 2 * drawn.height
    for half in np.split(np.asarray(drawn)[:, : drawn.width // 2 * 2], 2, axis=1):
        assert len(np.unique(half.reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize(
    ("words", "explained"),
    [
        (("--queries", "0"), "--queries is 0; it takes 1 or more."),
        (("--queries", "many"), "--queries"),
        (("--expand", "-1"), "--expand is -1; it takes 0 to 50."),
        (("--expand", "51"), "--expand is 51; it takes 0 to 50."),
        (("--expand", "many"), "--expand"),
        (("--labels", "colour"), "--labels"),
        (("--labels", "tag"), "no searchable image has one"),
        (("--plot", "curves.doc"), "--plot is curves.doc; it takes a name that ends in .png."),
        (("--plot", "curves"), "--plot is curves; it takes a name that ends in .png."),
        (("--plot", "nowhere/curves.png"), "there is no folder nowhere"),
    ],
)
def test_wrong_words_are_explained(manage, labelled, words, explained):
    told = manage("evaluate", *words)
    assert told.status == 1
    assert explained in told.err
    assert not told.out


def test_an_empty_catalogue_says_what_to_do(manage):
    told = manage("evaluate")
    assert told.status == 1
    assert "takes two collections or more" in told.err


def test_a_damaged_store_says_what_mends_it(manage, labelled):
    store.path_of(Segment.objects.get().name).unlink()
    told = manage("evaluate")
    assert told.status == 1
    assert "check_index --repair" in told.err
