"""Outputs of Keras and of the Keras runtime, for comparison with the other runtimes.

`python -m tests.features.runtimes.keras_reference FOLDER VGG16_WEIGHTS` reads FOLDER/<network>.npy, the pictures for
each network, and writes FOLDER/outputs.npz. It runs in a process of its own, since TensorFlow must not be loaded in a
process that forks, as tests may.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from catalog.features import weights as files
from catalog.features.networks import VGG16
from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.keras_runtime import build_model, outputs_agree
from catalog.features.weights import Weights, file_digest
from tests.features.conftest import extract_descriptors, network_batch


def main(folder: Path, vgg16_file: Path) -> None:
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(100, 100, 3))
    model.load_weights(vgg16_file)
    pictures = network_batch(3, 100)
    preprocessed = keras.applications.vgg16.preprocess_input(pictures.astype(np.float32))
    outputs = {"preprocessed": preprocessed, "layers": np.array([layer.name for layer in model.layers[1:]])}
    vgg16 = Weights(vgg16_file, VGG16, file_digest(vgg16_file, ""))
    networks = {"vgg16": vgg16, "vgg16-compact": files.compact_weights()}
    for name, weights in networks.items():
        outputs[f"{name} descriptors"] = extract_descriptors(weights, "keras", np.load(folder / f"{name}.npy"), folder)
    for layer in ("block5_conv3", "block5_pool"):
        submodel = keras.Model(model.input, model.get_layer(layer).output)
        outputs[f"keras {layer}"] = submodel(preprocessed).numpy()
        for name, weights in networks.items():
            runtime = open_runtime("keras", weights, layer=layer, cache_dir=folder, threads=1)
            outputs[f"{name} {layer}"] = runtime.feature_maps(pictures)
    for count in (0, 1, 16, 17):
        outputs[f"{count} pictures"] = runtime.feature_maps(network_batch(count, 100))
    float32_model, float16_model = (
        build_model(files.compact_weights(), "block5_conv3", precision) for precision in ("float32", "mixed_float16")
    )
    outputs["float16 agrees"] = outputs_agree(float16_model, float32_model)
    # Activations that overflow float16, so that all later layers are infinite or NaN.
    for model in (float32_model, float16_model):
        kernel, bias = model.get_layer("block1_conv1").get_weights()
        model.get_layer("block1_conv1").set_weights([kernel * 1e4, bias * 1e4])
    outputs["overflowed float16 agrees"] = outputs_agree(float16_model, float32_model)
    np.savez(folder / "outputs.npz", **outputs)


main(Path(sys.argv[1]), Path(sys.argv[2]))
