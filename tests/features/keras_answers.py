"""What Keras itself, and the Keras runtime, answer: `python -m tests.features.keras_answers FOLDER VGG16_WEIGHTS`.

A process of its own, since TensorFlow must not be in one that forks, as tests may. Reads FOLDER/<network>.npy, the
pictures that each network describes, and writes FOLDER/answers.npz.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from catalog.features import weights as files
from catalog.features.architectures import VGG16
from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.keras_runtime import agree, model_of
from catalog.features.weights import Weights, digest
from tests.features.conftest import batch, described


def main(folder: Path, vgg16_file: Path) -> None:
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=(100, 100, 3))
    model.load_weights(vgg16_file)
    pictures = batch(3, 100)
    fed = keras.applications.vgg16.preprocess_input(pictures.astype(np.float32))
    answers = {"fed": fed, "layers": np.array([layer.name for layer in model.layers[1:]])}
    vgg16 = Weights(vgg16_file, VGG16, digest(vgg16_file, ""))
    networks = {"vgg16": vgg16, "vgg16-compact": files.compact()}
    for name, weights in networks.items():
        answers[f"{name} described"] = described(weights, "keras", np.load(folder / f"{name}.npy"), folder)
    for layer in ("block5_conv3", "block5_pool"):
        part = keras.Model(model.input, model.get_layer(layer).output)
        answers[f"keras {layer}"] = part(fed).numpy()
        for name, weights in networks.items():
            runtime = open_runtime("keras", weights, layer=layer, cache=folder, threads=1)
            answers[f"{name} {layer}"] = runtime.maps(pictures)
    for count in (0, 1, 16, 17):
        answers[f"{count} pictures"] = runtime.maps(batch(count, 100))
    whole, halved = (model_of(files.compact(), "block5_conv3", precision) for precision in ("float32", "mixed_float16"))
    answers["halved agrees"] = agree(halved, whole)
    # Answers a thousand times as large, which 16 bits cannot hold: all that follow are infinite or no numbers.
    for model in (whole, halved):
        kernel, bias = model.get_layer("block1_conv1").get_weights()
        model.get_layer("block1_conv1").set_weights([kernel * 1e4, bias * 1e4])
    answers["overflowed agrees"] = agree(halved, whole)
    np.savez(folder / "answers.npz", **answers)


main(Path(sys.argv[1]), Path(sys.argv[2]))
