"""Keras is the reference: preprocessing and the other runtimes must agree with it."""

import subprocess
import sys

import numpy as np
import pytest

from catalog.features.networks import VGG16
from catalog.features.preprocessing import preprocess_input
from catalog.features.runtimes import open_runtime
from tests.features.conftest import demo_pictures, extract_descriptors, network_batch

# Keras takes one minute for all outputs on two quiet cores, and several minutes on a busy machine.
KERAS_TIMEOUT_SECONDS = 600
pytestmark = [pytest.mark.slow, pytest.mark.timeout(KERAS_TIMEOUT_SECONDS)]


@pytest.fixture(scope="module")
def pictures():
    """The pictures for each network: uint8 (n, 256, 256, 3)."""
    drawn = demo_pictures(100)
    return {"vgg16-compact": drawn, "vgg16": drawn[30:70]}


@pytest.fixture(scope="module")
def keras_outputs(tmp_path_factory, random_vgg16_weights, pictures):
    folder = tmp_path_factory.mktemp("keras")
    for name, array in pictures.items():
        np.save(folder / f"{name}.npy", array)
    completed = subprocess.run(
        [sys.executable, "-m", "tests.features.runtimes.keras_reference", str(folder), str(random_vgg16_weights.path)],
        check=False,
        timeout=KERAS_TIMEOUT_SECONDS,
    )
    assert completed.returncode == 0
    return np.load(folder / "outputs.npz")


def cosine_similarities(ours, theirs):
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    return (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def top_10(descriptors):
    """The ten most similar pictures of each picture, including itself: (n, 10)."""
    return np.argsort(-(descriptors @ descriptors.T), axis=1, kind="stable")[:, :10]


def test_layers_have_the_names_of_keras(keras_outputs):
    assert [layer.name for layer in VGG16.layers()] == list(keras_outputs["layers"])


def test_preprocessing_agrees_with_keras(keras_outputs):
    np.testing.assert_array_equal(preprocess_input(network_batch(3, 100)), keras_outputs["preprocessed"])


@pytest.mark.parametrize("layer", ["block5_conv3", "block5_pool"])
def test_the_keras_runtime_agrees_with_keras_loading_the_weights_itself(keras_outputs, layer):
    np.testing.assert_allclose(keras_outputs[f"vgg16 {layer}"], keras_outputs[f"keras {layer}"], rtol=1e-3, atol=1e-3)


# 100 pixels are halved to 50, 25, 12, 6 and 3: the odd 25 tests the handling of the edge.
@pytest.mark.parametrize("layer", ["block5_conv3", "block5_pool"])
@pytest.mark.parametrize("name", ["vgg16", "vgg16-compact"])
def test_ncnn_agrees_with_keras(request, keras_outputs, name, layer, tmp_path):
    weights = request.getfixturevalue({"vgg16": "random_vgg16_weights", "vgg16-compact": "compact_weights"}[name])
    runtime = open_runtime("ncnn", weights, layer=layer, cache_dir=tmp_path, threads=2)

    maps = runtime.feature_maps(network_batch(3, 100))

    expected = keras_outputs[f"{name} {layer}"]
    assert maps.shape == expected.shape
    assert (expected > 0).mean() > 0.02  # enough activations for a meaningful comparison
    assert cosine_similarities(maps, expected).min() >= 0.9999


@pytest.mark.parametrize("name", ["vgg16", "vgg16-compact"])
def test_runtimes_agree_on_descriptors_and_ranking(request, keras_outputs, pictures, name, models_dir):
    weights = request.getfixturevalue({"vgg16": "random_vgg16_weights", "vgg16-compact": "compact_weights"}[name])

    ours, theirs = (
        extract_descriptors(weights, "ncnn", pictures[name], models_dir),
        keras_outputs[f"{name} descriptors"],
    )

    assert ours.shape == theirs.shape == (len(pictures[name]), 512 if name == "vgg16" else 128)
    assert cosine_similarities(ours, theirs).min() >= 0.9999
    assert (np.sort(top_10(ours)) == np.sort(top_10(theirs))).all(axis=1).mean() >= 0.99


@pytest.mark.parametrize("count", [0, 1, 16, 17])
def test_batch_splitting_and_padding_do_not_change_maps(keras_outputs, count):
    single, full = keras_outputs["1 pictures"], keras_outputs["17 pictures"]
    maps = keras_outputs[f"{count} pictures"]

    assert maps.shape == (count, *full.shape[1:])
    np.testing.assert_allclose(maps, full[:count], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(single[0], full[0], rtol=1e-3, atol=1e-3)


def test_float16_agrees_unless_it_overflows(keras_outputs):
    assert keras_outputs["float16 agrees"]
    assert not keras_outputs["overflowed float16 agrees"]
