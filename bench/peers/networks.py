"""A network that gives probabilities: the trials of the session, latency and end-to-end suites.

Images are read by OpenCV; while a batch runs, the next one is read, as far as the library lets go of the lock.
"""

import csv
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable

import numpy as np

from protocol import Spec, Stopwatch, need

# Batches that are run before anything is measured.
WARM_UP = 2

Run = Callable[[np.ndarray], np.ndarray]  # (n, S, S, 3) uint8 RGB -> (n, classes) float32


class _Common:
    def __init__(self, spec: Spec, versions: dict[str, str], device: str, run: Run) -> None:
        self.versions = versions
        self.device = device
        self._spec = spec
        self._run = run

    def _work_until(self, seconds: float, one: Callable[[], int]) -> dict[str, Any]:
        watch = Stopwatch()
        tiles, latencies = 0, []
        while tiles == 0 or watch.seconds < seconds:
            own = Stopwatch()
            tiles += one()
            latencies.append(1000 * own.seconds)
        return {"tiles": tiles, "seconds": watch.seconds, "latenciesMs": latencies}


class SessionTrial(_Common):
    """The network alone, on tiles that lie in memory, in batches of one size."""

    def __init__(self, spec: Spec, versions: dict[str, str], device: str, run: Run) -> None:
        super().__init__(spec, versions, device, run)
        if spec.tiles is None:
            raise ValueError("Expected tiles")
        self._tiles = np.load(spec.tiles)
        self._at = 0
        for _ in range(WARM_UP):
            self._one()

    def _one(self) -> int:
        batch = self._spec.batch
        rows = np.arange(self._at, self._at + batch) % len(self._tiles)
        self._at = int(rows[-1]) + 1
        # Mostly a view; a copy only where the tiles begin anew.
        ahead = rows[-1] - rows[0] == batch - 1
        self._run(self._tiles[rows[0] : rows[-1] + 1] if ahead else self._tiles[rows])
        return batch

    def work(self, seconds: float) -> dict[str, Any]:
        return self._work_until(seconds, self._one)

    def answers(self) -> np.ndarray:
        return self._run(self._tiles[: self._spec.check_tiles]).astype(np.float32)


class _FromFiles(_Common):
    def __init__(self, spec: Spec, versions: dict[str, str], device: str, run: Run) -> None:
        cv2 = need("cv2")
        super().__init__(spec, {**versions, "cv2": cv2.__version__}, device, run)
        cv2.setNumThreads(1)
        size = (spec.size, spec.size)
        self._read = lambda i: cv2.cvtColor(
            cv2.resize(cv2.imread(spec.files[i % len(spec.files)]), size), cv2.COLOR_BGR2RGB
        )
        self._next = 0

    def answers(self) -> np.ndarray:
        tiles = np.stack([self._read(i) for i in range(self._spec.check_tiles)])
        return self._run(tiles).astype(np.float32)


class LatencyTrial(_FromFiles):
    """One image file at a time: read and classified before the next is asked for."""

    def __init__(self, spec: Spec, versions: dict[str, str], device: str, run: Run) -> None:
        super().__init__(spec, versions, device, run)
        for _ in range(WARM_UP):
            self._one()

    def _one(self) -> int:
        self._run(self._read(self._next)[None])
        self._next += 1
        return 1

    def work(self, seconds: float) -> dict[str, Any]:
        return self._work_until(seconds, self._one)


class EndToEndTrial(_FromFiles):
    """From image files to a line of CSV a tile."""

    def __init__(self, spec: Spec, versions: dict[str, str], device: str, run: Run) -> None:
        super().__init__(spec, versions, device, run)
        self._pool = ThreadPoolExecutor(spec.threads)
        self.work(0)

    def _begin(self) -> list[Future]:
        numbers = range(self._next, self._next + self._spec.batch)
        self._next += self._spec.batch
        return [self._pool.submit(self._read, i) for i in numbers]

    def work(self, seconds: float) -> dict[str, Any]:
        watch = Stopwatch()
        files, tiles = self._spec.files, 0
        with open(os.path.join(self._spec.out, "results.csv"), "w", newline="") as file:
            rows = csv.writer(file)
            ahead = self._begin()
            while ahead:
                first = self._next - self._spec.batch
                batch = np.stack([future.result() for future in ahead])
                more = watch.seconds < seconds
                ahead = self._begin() if more else []
                for i, row in enumerate(self._run(batch)):
                    rows.writerow([files[(first + i) % len(files)], int(row.argmax()), *row])
                tiles += len(batch)
        return {"tiles": tiles, "seconds": watch.seconds}


WORKLOADS = {"session": SessionTrial, "latency": LatencyTrial, "end-to-end": EndToEndTrial}


def open_network(spec: Spec, versions: dict[str, str], device: str, run: Run) -> _Common:
    return WORKLOADS[spec.workload](spec, versions, device, run)
