"""Keras is the reference: preprocessing and OpenVINO must agree with it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catalog.features.networks import vgg16
from catalog.features.runtimes import open_runtime
from tests.features.conftest import demo_pictures, extract_descriptors, network_batch
from tests.shared_folders import fill_once

# Keras takes half a minute for all outputs on two quiet cores, and several minutes on a busy machine.
KERAS_TIMEOUT_SECONDS = 600
pytestmark = [pytest.mark.slow, pytest.mark.timeout(KERAS_TIMEOUT_SECONDS)]


@pytest.fixture(scope="module")
def pictures():
    """The pictures for each network: uint8 (n, 256, 256, 3)."""
    drawn = demo_pictures(60)
    return {"efficientnet-lite2": drawn, "vgg16": drawn[20:40]}


@pytest.fixture(scope="module")
def keras_outputs(tmp_path_factory, random_vgg16, pictures):
    def fill(folder: Path) -> None:
        for name, array in pictures.items():
            np.save(folder / f"{name}.npy", array)
        subprocess.run(
            [sys.executable, "-m", "tests.features.runtimes.keras_reference", str(folder), str(random_vgg16.path)],
            check=True,
            timeout=KERAS_TIMEOUT_SECONDS,
        )

    return np.load(fill_once(tmp_path_factory, "keras", fill) / "outputs.npz")


@pytest.fixture
def networks(random_vgg16, bundled_network):
    return {"vgg16": random_vgg16, "efficientnet-lite2": bundled_network}


def cosine_similarities(ours, theirs):
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    return (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def top_10(descriptors):
    """The ten most similar pictures of each picture, including itself: (n, 10)."""
    return np.argsort(-(descriptors @ descriptors.T), axis=1, kind="stable")[:, :10]


def test_layers_have_the_names_of_keras(keras_outputs):
    assert [layer.name for layer in vgg16.layers()] == list(keras_outputs["layers"])


def test_preprocessing_agrees_with_keras(keras_outputs):
    assert keras_outputs["preprocessing agrees"]


@pytest.mark.parametrize("layer", ["block5_conv3", "block5_pool"])
def test_the_keras_runtime_agrees_with_keras_loading_the_weights_itself(keras_outputs, layer):
    ours, theirs = keras_outputs[f"vgg16 {layer} float32"], keras_outputs[f"keras {layer}"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


# 100 pixels are halved to 50, 25, 12, 6 and 3: the odd 25 tests the handling of the edge.
@pytest.mark.parametrize(
    ("name", "layer", "precision", "min_cosine"),
    [
        ("vgg16", "block5_conv3", "float32", 0.9999),
        ("vgg16", "block5_pool", "float32", 0.9999),
        # Rounding to levels amplifies differences in the last digits of floats, the more so with random weights, whose
        # activations use few of the levels. With the weights of Keras, descriptors of photographs agree to 0.9998.
        ("vgg16", "block5_conv3", "int8", 0.99),
        ("efficientnet-lite2", "head", "float32", 0.9999),
    ],
)
def test_openvino_agrees_with_keras(networks, keras_outputs, name, layer, precision, min_cosine):
    runtime = open_runtime("openvino", networks[name], layer=layer, precision=precision, threads=2)
    maps = np.array(runtime.feature_maps(network_batch(3, 100, 132)))
    expected = keras_outputs[f"{name} {layer} {precision}"]
    assert maps.shape == expected.shape
    assert (expected > 0).mean() > 0.02  # enough activations for a meaningful comparison
    assert cosine_similarities(maps, expected).min() >= min_cosine


@pytest.mark.parametrize("name", ["vgg16", "efficientnet-lite2"])
def test_runtimes_agree_on_descriptors_and_ranking(networks, keras_outputs, pictures, name):
    ours = extract_descriptors(networks[name], "openvino", pictures[name], precision="float32")
    theirs = keras_outputs[f"{name} descriptors"]
    assert ours.shape == theirs.shape
    assert cosine_similarities(ours, theirs).min() >= 0.9999
    assert (np.sort(top_10(ours)) == np.sort(top_10(theirs))).all(axis=1).mean() >= 0.95


@pytest.mark.parametrize("count", [1, 16, 17])
def test_batch_splitting_and_padding_do_not_change_maps(keras_outputs, count):
    full, maps = keras_outputs["17 pictures"], keras_outputs[f"{count} pictures"]
    assert maps.shape == (count, *full.shape[1:])
    np.testing.assert_allclose(maps, full[:count], rtol=1e-3, atol=1e-3)


def test_keras_accepts_pictures_of_several_shapes_at_once(keras_outputs):
    assert keras_outputs["shapes"].tolist() == [[2, 2, 1280], [3, 3, 1280], [2, 2, 1280]]
    assert keras_outputs["no pictures"] == 0


def test_float16_agrees_unless_it_overflows(keras_outputs):
    assert keras_outputs["float16 agrees"]
    assert not keras_outputs["overflowed float16 agrees"]
