"""Outputs of Keras and of the Keras runtime, for comparison with OpenVINO.

`python -m tests.features.runtimes.keras_reference FOLDER VGG16_WEIGHTS` reads FOLDER/<network>.npy, the pictures for
each network, and writes FOLDER/outputs.npz. It runs in a process of its own, since TensorFlow must not be loaded in a
process that forks, as tests may.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.features.networks.vgg16 import Vgg16
from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.keras_models import build_model, preprocess_input
from catalog.features.runtimes.keras_runtime import outputs_agree
from catalog.features.weights import file_digest
from tests.features.conftest import extract_descriptors, network_batch

VARIANTS = [
    ("vgg16", "block5_conv3", "float32"),
    ("vgg16", "block5_pool", "float32"),
    ("vgg16", "block5_conv3", "int8"),
    ("efficientnet-lite2", "head", "float32"),
]


def main(folder: Path, vgg16_file: Path) -> None:
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(100, 132, 3))
    model.load_weights(vgg16_file)
    pictures = network_batch(3, 100, 132)
    preprocessed = keras.applications.vgg16.preprocess_input(np.array(pictures, np.float32))
    outputs = {"layers": np.array([layer.name for layer in model.layers[1:]])}
    networks = {
        "vgg16": Vgg16(vgg16_file, file_digest(vgg16_file, "")),
        "efficientnet-lite2": efficientnet_lite2_network(),
    }
    outputs["preprocessing agrees"] = np.array_equal(
        preprocess_input(networks["vgg16"], np.array(pictures)), preprocessed
    )
    for name, network in networks.items():
        drawn = np.load(folder / f"{name}.npy")
        outputs[f"{name} descriptors"] = extract_descriptors(network, "keras", drawn, precision="float32")
    for layer in ("block5_conv3", "block5_pool"):
        outputs[f"keras {layer}"] = keras.Model(model.input, model.get_layer(layer).output)(preprocessed).numpy()
    for name, layer, precision in VARIANTS:
        runtime = open_runtime("keras", networks[name], layer=layer, precision=precision, threads=1)
        outputs[f"{name} {layer} {precision}"] = np.array(runtime.feature_maps(pictures))
    for count in (1, 16, 17):
        outputs[f"{count} pictures"] = np.array(runtime.feature_maps(network_batch(count, 64)))
    mixed = [network_batch(3, 64)[index] if index != 1 else network_batch(1, 96)[0] for index in range(3)]
    outputs["shapes"] = np.array([maps.shape for maps in runtime.feature_maps(mixed)])
    outputs["no pictures"] = len(runtime.feature_maps([]))
    compare_float16(networks["efficientnet-lite2"], outputs)
    np.savez(folder / "outputs.npz", **outputs)


def compare_float16(network: object, outputs: dict) -> None:
    float32_model, float16_model = (
        build_model(network, "head", "float32", policy) for policy in ("float32", "mixed_float16")
    )
    outputs["float16 agrees"] = outputs_agree(network, float16_model, float32_model)
    # Activations that overflow float16, so that all later layers are infinite or NaN.
    for model in (float32_model, float16_model):
        kernel, bias = model.get_layer("block3_project").get_weights()
        model.get_layer("block3_project").set_weights([kernel * 1e5, bias * 1e5])
    outputs["overflowed float16 agrees"] = outputs_agree(network, float16_model, float32_model)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
