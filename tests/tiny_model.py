"""`python -m tests.tiny_model FOLDER`: a model as training writes it, untrained and small."""

from __future__ import annotations

import sys
from pathlib import Path

from core.cnn import artefact, networks
from core.cnn.config import TrainConfig

CLASSES = ("circle", "square", "triangle")


def write(folder: Path, config: TrainConfig | None = None) -> None:
    """Write a model whose weights are drawn by the seed."""
    config = config or TrainConfig(model="scratch", size=32)
    whole = networks.build(config, len(CLASSES)).whole
    folder.mkdir(parents=True)
    artefact.write(folder, whole, CLASSES, config, {}, {"accuracy": 0.33}, [])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
