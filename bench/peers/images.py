"""From image files to tiles by a function that reads one: the trials of the decode suite."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import numpy as np

from protocol import Spec, Stopwatch

# The warm-up, in seconds.
WARM_UP = 0.3


class DecodeTrial:
    """As many files at a time as there are threads, over and over; the latest batch of results is kept."""

    def __init__(
        self,
        spec: Spec,
        versions: dict[str, str],
        read: Callable[[str, Any], None],
        to_rgb: Callable[[Any], np.ndarray] = np.asarray,
        make: Callable[[Spec], Any] = lambda spec: np.zeros((spec.size, spec.size, 3), np.uint8),
    ) -> None:
        """read(path, into) fills `into`, which make(spec) made; to_rgb(into) is (S, S, 3) uint8 RGB."""
        self.versions = versions
        self.device = f"CPU, {spec.threads} threads"
        self._spec = spec
        self._read = read
        self._to_rgb = to_rgb
        self._kept = [make(spec) for _ in range(max(spec.batch, spec.threads))]
        self._pool = ThreadPoolExecutor(spec.threads)
        self._next = itertools.count()
        self.work(WARM_UP)

    def work(self, seconds: float) -> dict[str, Any]:
        watch = Stopwatch()
        files, kept = self._spec.files, self._kept

        def worker(_: int) -> int:
            done = 0
            while done == 0 or watch.seconds < seconds:
                i = next(self._next)
                self._read(files[i % len(files)], kept[i % len(kept)])
                done += 1
            return done

        tiles = sum(self._pool.map(worker, range(self._spec.threads)))
        return {"tiles": tiles, "seconds": watch.seconds}

    def answers(self) -> np.ndarray:
        files, into = self._spec.files, self._kept[0]
        tiles = []
        for i in range(self._spec.check_tiles):
            self._read(files[i % len(files)], into)
            tiles.append(self._to_rgb(into).copy())
        return np.stack(tiles)
