"""Networks of keras.applications. TensorFlow runs only in other processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from catalog.atomic_write import TEMP_SUFFIX
from catalog.exceptions import WeightsDamaged, WeightsUnavailable
from catalog.features.networks import keras_network
from catalog.features.networks.keras_network import APPLICATIONS, convert_application, open_keras
from catalog.features.openvino_import import import_openvino
from tests.shared_folders import fill_once

APPLICATION = "VGG16"
FRAMEWORKS = {"tensorflow", "keras"}
KERAS_SCRIPT = """
import json, sys
import numpy as np
from catalog.keras_import import import_keras

keras, _ = import_keras()
applications = keras.applications
print(json.dumps(sorted(name for name in dir(applications) if name[0].isupper())))
keras.utils.set_random_seed(0)  # as the conversion does
network = getattr(applications, sys.argv[1])(include_top=False, weights=None)
pictures = np.load(sys.argv[2])
np.save(sys.argv[3], network(applications.vgg16.preprocess_input(pictures.astype("float32"))))
"""


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a converted network with random weights. Its conversion loads no TensorFlow into this process."""

    def convert(folder: Path) -> None:
        loaded = FRAMEWORKS & set(sys.modules)  # by other tests
        convert_application(APPLICATION, folder / f"keras-{APPLICATION}.h5", weights_name="random")
        assert FRAMEWORKS & set(sys.modules) == loaded

    return fill_once(tmp_path_factory, "converted", convert)


@pytest.fixture
def models_dir(converted: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(converted, tmp_path / "models"))


@pytest.fixture
def empty_keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.mark.slow
def test_a_converted_network_agrees_with_keras(converted, tmp_path):
    pictures = np.random.default_rng(2).integers(0, 256, (2, 96, 64, 3), np.uint8)
    np.save(tmp_path / "pictures.npy", pictures)
    completed = subprocess.run(
        [sys.executable, "-c", KERAS_SCRIPT, APPLICATION, tmp_path / "pictures.npy", tmp_path / "maps.npy"],
        cwd=keras_network.CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = np.load(tmp_path / "maps.npy").transpose(0, 3, 1, 2)
    network = open_keras(APPLICATION, converted)
    openvino, _ = import_openvino()
    model = network.build_model("output", "float32")
    maps = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})({"pictures": pictures})[0]
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * expected.max())
    assert expected.max() > 0
    assert sorted(APPLICATIONS) == json.loads(completed.stdout)


@pytest.mark.slow
def test_the_recipe_is_that_of_maps_of_any_size(converted):
    network = open_keras(APPLICATION, converted)
    assert (network.name, network.channels("output")) == ("keras:VGG16", 512)
    recipe = network.recipe
    assert (recipe.input_sizes, recipe.aspect, recipe.pooling, recipe.layer) == ((224,), "kept", "gem", "output")


@pytest.mark.slow
def test_a_conversion_leaves_one_file(converted):
    assert [path.name for path in converted.iterdir()] == ["keras-VGG16.h5"]


@pytest.mark.slow
def test_a_converted_network_is_not_converted_again(models_dir, monkeypatch):
    monkeypatch.setattr(keras_network, "CONVERSION_MODULE", "no_such_module")
    assert open_keras(APPLICATION, models_dir).path == models_dir / "keras-VGG16.h5"


@pytest.mark.slow
def test_a_damaged_file_is_rejected(models_dir):
    path = models_dir / "keras-VGG16.h5"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsDamaged, match="Delete the file"):
        open_keras(APPLICATION, models_dir)


@pytest.mark.slow
def test_a_file_that_changes_is_not_used(models_dir):
    network = open_keras(APPLICATION, models_dir)
    network.path.write_bytes(network.path.read_bytes() + b"more")
    with pytest.raises(WeightsDamaged, match="has changed"):
        network.build_model("output", "float32")


@pytest.fixture
def folder(tmp_path):
    """An empty folder for converted networks."""
    path = tmp_path / "converted"
    path.mkdir()
    return path


@pytest.mark.slow
def test_weights_that_cannot_be_downloaded_are_explained(folder, empty_keras_home, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a port that nothing listens to
    (folder / ".keras-MobileNetV3Small-left").mkdir(parents=True)  # by a process that was killed
    with pytest.raises(WeightsUnavailable) as caught:
        open_keras("MobileNetV3Small", folder)
    message = str(caught.value)
    assert "keras.applications.MobileNetV3Small(include_top=False)" in message
    assert f"to {empty_keras_home / 'models'} here" in message
    assert [path.name for path in folder.iterdir()] == ["keras-MobileNetV3Small.lock"]


def test_a_conversion_that_takes_too_long_is_stopped(folder):
    path = folder / "keras-VGG16.h5"
    with pytest.raises(WeightsUnavailable, match="no result after 0 s"):
        convert_application(APPLICATION, path, weights_name="random", timeout=0.2)
    assert list(folder.iterdir()) == []


def test_a_conversion_that_crashes_is_explained(folder, monkeypatch):
    monkeypatch.setattr(keras_network, "CONVERSION_MODULE", "no_such_module")
    with pytest.raises(
        WeightsUnavailable, match=r"VGG16 of keras\.applications could not be converted: .*no_such_module"
    ):
        convert_application(APPLICATION, folder / "keras-VGG16.h5")
    assert list(folder.glob(f"*{TEMP_SUFFIX}")) == []


@pytest.mark.parametrize(
    ("name", "similar"),
    [("convnexttiny", "ConvNeXtTiny"), ("ResNet50v3", "ResNet50V2"), ("EfficientNetB", "EfficientNetB0")],
)
def test_an_unknown_name_brings_similar_names(folder, name, similar):
    with pytest.raises(WeightsUnavailable) as caught:
        open_keras(name, folder)
    assert similar in str(caught.value)
    assert list(folder.iterdir()) == []


def test_a_name_like_no_other_brings_all_names(folder):
    with pytest.raises(WeightsUnavailable, match=r"ConvNeXtBase, .*, Xception"):
        open_keras("../../etc/passwd", folder)
