"""Keras is the measure: ncnn and our own steps give what it gives."""

import subprocess
import sys

import numpy as np
import pytest

from catalog.features.architectures import VGG16
from catalog.features.preprocessing import network_input
from catalog.features.runtimes import open_runtime
from tests.features.conftest import batch, demo, described


@pytest.fixture(scope="module")
def pictures():
    """What each network describes."""
    drawn = demo(100)
    return {"vgg16-compact": drawn, "vgg16": drawn[30:70]}


@pytest.fixture(scope="module")
def answers(tmp_path_factory, random_vgg16, pictures):
    folder = tmp_path_factory.mktemp("keras")
    for name, shown in pictures.items():
        np.save(folder / f"{name}.npy", shown)
    done = subprocess.run(
        [sys.executable, "-m", "tests.features.keras_answers", str(folder), str(random_vgg16.path)], check=False
    )
    assert done.returncode == 0
    return np.load(folder / "answers.npz")


def cosines(ours, theirs):
    ours, theirs = ours.reshape(len(ours), -1), theirs.reshape(len(theirs), -1)
    return (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)


def top_10(descriptors):
    """For each picture the ten most like it, itself among them: n × 10."""
    return np.argsort(-(descriptors @ descriptors.T), axis=1, kind="stable")[:, :10]


def test_the_layers_are_called_as_in_keras(answers):
    assert [layer.name for layer in VGG16.layers()] == list(answers["layers"])


def test_the_network_is_fed_as_keras_feeds_it(answers):
    np.testing.assert_array_equal(network_input(batch(3, 100)), answers["fed"])


@pytest.mark.parametrize("layer", ["block5_conv3", "block5_pool"])
def test_the_keras_runtime_gives_what_keras_gives_with_weights_it_loaded_itself(answers, layer):
    np.testing.assert_allclose(answers[f"vgg16 {layer}"], answers[f"keras {layer}"], rtol=1e-3, atol=1e-3)


# 100 pixels halve to 50, 25, 12, 6 and 3: the odd 25 shows what becomes of a row at the edge.
@pytest.mark.parametrize("layer", ["block5_conv3", "block5_pool"])
@pytest.mark.parametrize("name", ["vgg16", "vgg16-compact"])
def test_ncnn_agrees_with_keras(request, answers, name, layer, tmp_path):
    weights = request.getfixturevalue({"vgg16": "random_vgg16", "vgg16-compact": "compact"}[name])
    runtime = open_runtime("ncnn", weights, layer=layer, cache=tmp_path, threads=2)

    maps = runtime.maps(batch(3, 100))

    expected = answers[f"{name} {layer}"]
    assert maps.shape == expected.shape
    assert (expected > 0).mean() > 0.02  # alive, or agreement would mean little
    assert cosines(maps, expected).min() >= 0.9999


@pytest.mark.parametrize("name", ["vgg16", "vgg16-compact"])
def test_either_runtime_describes_and_ranks_pictures_alike(request, answers, pictures, name, models_dir):
    weights = request.getfixturevalue({"vgg16": "random_vgg16", "vgg16-compact": "compact"}[name])

    ours, theirs = described(weights, "ncnn", pictures[name], models_dir), answers[f"{name} described"]

    assert ours.shape == theirs.shape == (len(pictures[name]), 512 if name == "vgg16" else 128)
    assert cosines(ours, theirs).min() >= 0.9999
    assert (np.sort(top_10(ours)) == np.sort(top_10(theirs))).all(axis=1).mean() >= 0.99


@pytest.mark.parametrize("count", [0, 1, 16, 17])
def test_a_batch_of_any_length_is_cut_and_padded_without_a_trace(answers, count):
    alone, full = answers["1 pictures"], answers["17 pictures"]
    maps = answers[f"{count} pictures"]

    assert maps.shape == (count, *full.shape[1:])
    np.testing.assert_allclose(maps, full[:count], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(alone[0], full[0], rtol=1e-3, atol=1e-3)


def test_half_precision_is_good_enough_unless_it_overflows(answers):
    assert answers["halved agrees"]
    assert not answers["overflowed agrees"]
