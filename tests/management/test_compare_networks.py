"""Tests of the command compare_networks, and of the choice of a network by rebuild_index."""

import numpy as np
import pytest
from PIL import Image as Pixels

from catalog.models import Collection
from catalog.services.index import spaces
from tests.services.maintenance.labelled_pictures import add_kinds, write_small_network

pytestmark = pytest.mark.django_db

KEYS = ["images", "labels", "networks", "current", "recommended", "reason", "switch", "unreadable", "seconds"]
NETWORK_KEYS = [
    "name",
    "map",
    "map_interval",
    "precision_at_1",
    "precision_at_1_interval",
    "copies_first",
    "copies_interval",
    "copies",
    "ms",
    "bytes_per_row",
    "error",
]


@pytest.fixture
def kinds(picture, small_comparison):
    """Twenty images in four collections."""
    return add_kinds(picture, 4, 5)


def test_json_text_and_plot_have_every_network(manage, kinds, settings, tmp_path):
    path = write_small_network(settings.MODELS_DIR / "broken.onnx")
    path.write_bytes(b"nothing")
    result = manage("compare_networks", "--sample", 20, "--json", "--plot", tmp_path / "bars.PNG")
    assert result.status == 0
    assert list(result.json) == KEYS
    assert [list(network) for network in result.json["networks"]] == [NETWORK_KEYS] * 2
    assert result.json["networks"][1]["map"] is None
    plot = Pixels.open(tmp_path / "bars.PNG").convert("RGB")
    assert plot.width > 2 * plot.height
    assert len(np.unique(np.asarray(plot).reshape(-1, 3), axis=0)) > 10


def test_text_without_labels(manage, kinds):
    Collection.objects.all().delete()
    result = manage("compare_networks", "--sample", 20)
    for words in ("20 images, without labels", "altered copies found first", "ms an image", "The catalogue uses it"):
        assert words in result.out
    assert "mAP" not in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sample", "19"), "--sample is 19; it must be between 20 and 2000."),
        (("--sample", "2001"), "--sample is 2001; it must be between 20 and 2000."),
        (("--labels", "colour"), "--labels"),
        (("--labels", "tag"), "Comparing networks by tags needs 20 or more searchable images"),
        (("--plot", "bars.doc"), "--plot is bars.doc; the file name must end in .png."),
        (("--plot", "nowhere/bars.png"), "there is no folder nowhere"),
        ((), "needs 20 or more searchable images whose originals can be read, but there are 6."),
    ],
)
def test_invalid_arguments_are_explained(manage, catalogue, words, message):
    result = manage("compare_networks", *words)
    assert result.status == 1
    assert message in result.err
    assert not result.out


def test_a_catalogue_is_extracted_again_with_an_onnx_network(manage, catalogue, settings, small_comparison):
    path = write_small_network(settings.MODELS_DIR / "small.onnx")
    result = manage("rebuild_index", "--reextract", "--extractor", path, "--json")
    assert result.status == 0, result.err
    assert spaces.active_space().extractor == "onnx:small"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet", "IMAGESEARCH_EXTRACTOR is 'resnet'. Set it to auto, vgg16, efficientnet-lite2"),
        ("keras:ResNet5", "keras.applications has no network 'ResNet5'."),
        ("/nowhere/dinov2.onnx", "/nowhere/dinov2.onnx cannot be read"),
        ("vgg16", "VGG16's ImageNet weights are missing"),
    ],
)
def test_an_unusable_network_is_explained_before_anything_is_done(manage, catalogue, small_comparison, name, message):
    result = manage("rebuild_index", "--reextract", "--extractor", name)
    assert result.status == 1
    assert message in result.err
    assert spaces.active_space().extractor == "efficientnet-lite2"
