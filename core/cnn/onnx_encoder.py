"""An image encoder from an ONNX file, run by onnxruntime on the processor."""

from __future__ import annotations

import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import FacetteError, InputError, input_error
from core.executor import n_workers

LARGEST = 2 << 30  # bytes; a protobuf file cannot be larger
LARGEST_SIDE, MOST_VALUES = 1024, 65_536
USUAL_SIDE = 224  # where the file leaves it open
BATCH = 16
# Where a model from bytes would look for weights in other files: a folder without any.
_FOLDER = "session.model_external_initializers_file_folder_path"


class Encoder:
    """A loaded file: images in batches of one size, so that no row depends on the others.

    Attributes
    ----------
    side : of the images in pixels
    """

    def __init__(self, path: Path) -> None:
        """Load a file of one input (n, 3, side, side) float32, and try it on a black image.

        The content is handed over, never the path, so weights kept in other files are not read,
        wherever the file says that they are.

        Raises
        ------
        InputError
            The file is no such model; one sentence.
        """
        self._path, self._lock = path, threading.Lock()
        self._session = _session(path)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape) if inputs else []
        if len(inputs) != 1 or len(shape) != 4 or inputs[0].type != "tensor(float)":
            raise _no_encoder(path, "it does not take one array of images, (n, 3, side, side)")
        sides = [side for side in shape[2:] if isinstance(side, int)] or [USUAL_SIDE]
        self.side = sides[0]
        self._batch = shape[0] if isinstance(shape[0], int) else BATCH
        fits = shape[1] in (3, None) or isinstance(shape[1], str)
        if not fits or set(sides) != {self.side} or not 1 <= self.side <= LARGEST_SIDE:
            raise _no_encoder(path, f"its images have the shape {shape[1:]}")
        if not 1 <= self._batch <= 64:
            raise _no_encoder(path, f"it wants batches of {self._batch}")
        self._input = inputs[0].name
        self._output = _output(self._session, path)
        self.encode(np.zeros((1, 3, self.side, self.side), np.float32))

    def encode(self, images: np.ndarray) -> np.ndarray:
        """(n, d) float32 of prepared images (n, 3, side, side) float32."""
        rows = []
        for start in range(0, len(images), self._batch):
            some = images[start : start + self._batch]
            batch = np.zeros((self._batch, *some.shape[1:]), np.float32)
            batch[: len(some)] = some
            rows.append(self._run(batch)[: len(some)])
        return np.concatenate(rows)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            with self._lock:
                (values,) = self._session.run([self._output], {self._input: batch})
        except Exception as error:  # onnxruntime's own errors have no common base
            raise _no_encoder(self._path, "it fails on an image") from error
        if values.ndim != 2 or len(values) != len(batch) or not 1 <= values.shape[1] <= MOST_VALUES:
            raise _no_encoder(self._path, f"it gives an array of the shape {values.shape}")
        return values.astype(np.float32)


@lru_cache(2)
def encoder(path: Path, _content: str) -> Encoder:
    """The loaded file; the process keeps two. `_content` tells files of one path apart."""
    return Encoder(path)


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise FacetteError(
            f"onnxruntime cannot be imported ({error}). Install it: pip install onnxruntime"
        ) from error
    if path.stat().st_size > LARGEST:
        raise input_error("model", path, f"a file of at most {LARGEST >> 30} GiB")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are told once, by us
    options.intra_op_num_threads = n_workers()
    with tempfile.TemporaryDirectory() as empty:
        options.add_session_config_entry(_FOLDER, empty)
        try:
            return onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors have no common base
            why = "onnxruntime cannot load it as one whole file"
            raise _no_encoder(path, why) from error


def _output(session: Any, path: Path) -> str:
    """The name of the output that is one row an image: called so by exporters, or of that form."""
    rows = [one for one in session.get_outputs() if len(one.shape) == 2]
    if not rows:
        raise _no_encoder(path, "none of its outputs is one row an image")
    named = [one.name for one in rows if one.name in ("image_embeds", "image_features")]
    return str(named[0] if named else rows[0].name)


def _no_encoder(path: Path, why: str) -> InputError:
    allowed = "an ONNX file of an image encoder, all in one file"
    return input_error("model", path, allowed, f"In this one {why}.")
