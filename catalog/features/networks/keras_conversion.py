"""Conversion of a network of keras.applications to a model for OpenVINO: a program, since it loads TensorFlow.

    python -m catalog.features.networks.keras_conversion NAME SIDE WEIGHTS FOLDER

It writes model.xml and model.bin into FOLDER, and prints one JSON object: {"aspect", "pooling"}, or
{"failure": "download" or "other", "message"}.
"""

import importlib
import json
import os
import socket
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from catalog.features.networks import graph
from catalog.features.openvino_import import import_openvino
from catalog.keras_import import import_keras

MODEL_FILE = "model.xml"
CONNECTION_TIMEOUT = 30.0  # seconds without data


def convert(name: str, side: int, weights: str | None, folder: Path) -> dict[str, str]:
    """Write the model of an application, without its classifier, from uint8 RGB to float32 maps N × C × H × W.

    Args:
        side: of the input, in pixels, if the application does not accept any size.
        weights: "imagenet", or None for random numbers.

    Returns:
        "aspect" and "pooling" of the recipe.
    """
    keras, _ = import_keras()
    keras.utils.set_random_seed(0)
    application = getattr(keras.applications, name)
    preprocess_input = importlib.import_module(application.__module__).preprocess_input
    try:
        model = application(include_top=False, weights=weights, input_shape=(None, None, 3))
        size: int | None = None
    except ValueError:
        model = application(include_top=False, weights=weights, input_shape=(side, side, 3))
        size = side
    pixels = keras.Input((size, size, 3), dtype="float32")
    model = keras.Model(pixels, model(preprocess_input(pixels)))
    model.export(str(folder / "saved_model"), format="tf_saved_model", verbose=False)
    has_maps = len(model.output_shape) == 4
    openvino, _ = import_openvino()
    converted = _with_pictures(openvino.Core().read_model(str(folder / "saved_model")), size, has_maps, name)
    openvino.serialize(converted, str(folder / MODEL_FILE))
    return {"aspect": "squashed" if size else "kept", "pooling": "gem" if has_maps else "none"}


def _with_pictures(model: Any, size: int | None, has_maps: bool, name: str) -> Any:
    """Return the model with the input and the layout of the output that `networks.Network` describes."""
    _, ops = import_openvino()
    side = size or -1
    pictures = ops.parameter([-1, side, side, 3], np.uint8, name=graph.INPUT_NAME)
    pixels = ops.convert(pictures, "f32")
    for target in model.input(0).get_target_inputs():
        target.replace_source_output(pixels.output(0))
    output = model.output(0).get_node().input_value(0)
    if has_maps:
        output = ops.transpose(output, ops.constant(np.array([0, 3, 1, 2], np.int64)))
    return graph.to_model(pictures, output, name)


def main(name: str, side: str, weights: str, folder: str) -> None:
    """Convert, and print the result."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # the conversion computes nothing, so leave the GPU to others
    socket.setdefaulttimeout(CONNECTION_TIMEOUT)  # Keras downloads weights without a limit of its own
    result: dict[str, str]
    with redirect_stdout(sys.stderr):  # where Keras shows the progress of a download
        try:
            result = convert(name, int(side), weights if weights != "random" else None, Path(folder))
        except Exception as error:  # whatever it is, the caller shows it
            # keras/src/utils/file_utils.py raises a plain Exception
            failure = "download" if "URL fetch failure" in str(error) or isinstance(error, OSError) else "other"
            result = {"failure": failure, "message": str(error) or type(error).__name__}
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
