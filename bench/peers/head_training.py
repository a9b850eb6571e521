"""Training the recipe's head on features from a mapped file, as ours does it: batches in a new order each epoch."""

import os
from typing import Any, Callable

import numpy as np

from protocol import Spec, Stopwatch

# mixed7 of a 256 x 256 tile.
SHAPE = (14, 14, 768)
TILES = 128
CLASSES = 3
# Share of zeros behind the relu, as in the lung half of LC25000.
ZEROS = 0.88
# Steps whose losses are the answer.
CHECKED_STEPS = 4

Step = Callable[[np.ndarray, np.ndarray], float]  # (n, 14, 14, 768) float32, (n,) int64 -> loss


def _write_features(path: str) -> None:
    """float16, mostly zeros: a long run of numbers, in which each tile begins elsewhere."""
    random = np.random.default_rng(1)
    count = int(np.prod(SHAPE))
    numbers = np.maximum(0, random.random(2 * count, np.float32) - ZEROS).astype(np.float16)
    with open(path, "wb") as file:
        for first in random.integers(0, count, TILES):
            file.write(numbers[first : first + count].tobytes())


class TrainingTrial:
    def __init__(self, spec: Spec, versions: dict[str, str], device: str, step: Step) -> None:
        self.versions = versions
        self.device = device
        self._batch = spec.batch
        self._step = step
        path = os.path.join(spec.out, "features.f16")
        _write_features(path)
        self._features = np.memmap(path, np.float16, "r", shape=(TILES, *SHAPE))
        self._labels = np.arange(TILES) % CLASSES
        self._order = np.random.default_rng(0)
        self._losses: list[float] = []
        while len(self._losses) < CHECKED_STEPS:
            self._pass()

    def _pass(self) -> int:
        order = self._order.permutation(TILES)
        for first in range(0, TILES, self._batch):
            rows = order[first : first + self._batch]
            loss = self._step(self._features[rows].astype(np.float32), self._labels[rows])
            if len(self._losses) < CHECKED_STEPS:
                self._losses.append(loss)
        return TILES

    def work(self, seconds: float) -> dict[str, Any]:
        watch = Stopwatch()
        tiles = 0
        while tiles == 0 or watch.seconds < seconds:
            tiles += self._pass()
        return {"tiles": tiles, "seconds": watch.seconds}

    def answers(self) -> np.ndarray:
        return np.array(self._losses[:CHECKED_STEPS], np.float32)
