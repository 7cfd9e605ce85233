"""Import of Keras with TensorFlow, without the messages that they print.

This is the only module that imports them. TensorFlow is not fork-safe: never import it in a process that forks later.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_keras() -> tuple[Any, Any]:
    """Return the modules `keras` and `tensorflow`. Both are `Any`, since they have no type stubs."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Otherwise the first process reserves all memory of the GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _suppress_stderr():  # native libraries print while they load, at any log level
        import keras
        import tensorflow

    return keras, tensorflow


@contextmanager
def _suppress_stderr() -> Iterator[None]:
    """Redirect file descriptor 2, which native libraries write to, to /dev/null."""
    saved_fd = os.dup(2)
    devnull_fd = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull_fd, 2)
    try:
        yield
    finally:
        os.dup2(saved_fd, 2)
        os.close(saved_fd)
        os.close(devnull_fd)
