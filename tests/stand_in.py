"""`python -m tests.stand_in`: the service with a small real model that takes no time to load.

It classifies by the mean colour, so a test knows every answer.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import numpy as np


class MeanColor:
    """Red, green or blue: a softmax of the mean of each channel."""

    name = "mean colour"
    size = 64
    classes = ("red", "green", "<b>blue</b>")

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds  # what a call takes, as a network would

    def predict(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(n, 3) float32; an image of 13 x 13 pixels is one too many for it."""
        if os.environ.get("FACETTE_TEST_SAY"):
            say("predicting")
        if any(image.shape[:2] == (13, 13) for image in images):
            raise ValueError("cannot take 13 x 13")
        time.sleep(self.seconds)
        means = [np.broadcast_to(i.reshape(*i.shape[:2], -1), (*i.shape[:2], 3)) for i in images]
        scores = np.array([mean.mean((0, 1)) for mean in means]) / 32
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def say(line: str) -> None:
    """Tell the test that started this process."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve on a free port and say its address; FACETTE_TEST_LOAD and _PREDICT are seconds."""
    from core.service.server import serve, take_port
    from core.service.settings import Settings
    from core.serving import create_app

    def load() -> MeanColor:
        time.sleep(float(os.environ.get("FACETTE_TEST_LOAD", 0)))
        if os.environ.get("FACETTE_TEST_FAIL"):
            raise RuntimeError("secret path /srv/model")
        return MeanColor(float(os.environ.get("FACETTE_TEST_PREDICT", 0)))

    settings = Settings.from_environment()
    listener = take_port("127.0.0.1", 0)
    serve(create_app(load, settings), listener, settings, say)


if __name__ == "__main__":
    sys.exit(main())
