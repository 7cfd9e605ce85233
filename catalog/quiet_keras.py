"""Keras on TensorFlow, without what it writes while it loads.

The only file that imports the two. TensorFlow is not fork-safe: never call this in a process that forks later.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def import_quietly() -> tuple[Any, Any]:
    """The modules `keras` and `tensorflow`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Else the first process takes all the memory of the GPU.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with _no_stderr():  # TensorFlow's libraries greet while they load, whatever the log level
        import keras
        import tensorflow

    return keras, tensorflow


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Quiet for what writes to the descriptor itself; an exception passes all the same."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
