"""Keras as Facette uses it: on TensorFlow, deterministic, quiet, on all cores."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from core.errors import FacetteError
from core.executor import n_workers


@cache
def import_keras() -> ModuleType:
    """Import Keras with TensorFlow under it, once a process, so that runs can be repeated.

    Operations are deterministic from then on: the same seed gives the same weights on the same
    machine. Takes 5 to 10 s; never call it in the process that serves the browser.

    Raises
    ------
    FacetteError
        TensorFlow is not installed; the message says how to install it.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes on start are for its makers
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        with _without_native_messages():
            import keras
            import tensorflow as tf

            tf.config.list_physical_devices()  # says that there is no GPU
    except ImportError as error:
        raise FacetteError(
            f"TensorFlow cannot be imported ({error}). Install it: pip install tensorflow"
        ) from error
    tf.get_logger().setLevel("ERROR")  # it warns those who write TensorFlow, not those who use it
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(n_workers())
    tf.config.threading.set_inter_op_parallelism_threads(n_workers())
    return keras


@contextlib.contextmanager
def _without_native_messages() -> Iterator[None]:
    """Keep what TensorFlow's C++ part writes on start off standard error.

    It heeds no setting until it has started, and an error of ours is one line on standard error.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def import_tensorflow() -> ModuleType:
    """Import TensorFlow, set up as `import_keras` does."""
    import_keras()
    import tensorflow as tf

    return tf
