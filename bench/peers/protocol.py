"""What the bench and a peer say to each other: the other side of src/bench/protocol.ts.

A peer is started with the path of a JSON file (Spec), opens its trial, and prints one line of JSON an event:
"ready" once it has warmed up, "round" for each round it is asked for on stdin, "end" with its answers. What
it needs and has not found it names in "missing". Everything else that it or a library prints goes to stderr.
"""

import importlib
import importlib.util
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Callable, Optional, Protocol, TextIO

# PyPI's names of modules that are called otherwise.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "tensorflow": "tensorflow-cpu",
}


class Missing(Exception):
    """Something that the peer needs is not installed; its text is the name by which to get it."""


@dataclass(frozen=True)
class Spec:
    """What to work on; paths are absolute or relative to the working folder."""

    workload: str
    variant: str
    files: list[str]  # paths of images
    tiles: Optional[str]  # .npy (N, size, size, 3) uint8 RGB, the same images
    model: Optional[str]  # a model bundle's folder
    onnx: Optional[str]
    size: int  # side of a tile in pixels
    batch: int
    threads: int
    check_tiles: int  # of how many tiles, the first ones, the answers are compared
    out: str  # a folder of the trial's own

    @staticmethod
    def read(path: str) -> "Spec":
        with open(path, encoding="utf-8") as file:
            raw = json.load(file)
        with open(raw["files"], encoding="utf-8") as file:
            files = [line for line in file.read().split("\n") if line != ""]
        return Spec(
            workload=raw["workload"],
            variant=raw["variant"],
            files=files,
            tiles=raw["tiles"],
            model=raw["model"],
            onnx=raw["onnx"],
            size=raw["size"],
            batch=raw["batch"],
            threads=raw["threads"],
            check_tiles=raw["checkTiles"],
            out=raw["out"],
        )


class Trial(Protocol):
    """A peer that has loaded everything and has warmed up."""

    versions: dict[str, str]
    device: str

    def work(self, seconds: float) -> dict[str, Any]:
        """Works about so long, at least one batch: {"tiles", "seconds", "latenciesMs"?, "stages"?}."""

    def answers(self) -> Any:
        """The outputs for the first `check_tiles` tiles, a NumPy array of uint8 or float32."""


def need(module: str) -> ModuleType:
    """Imports a module; raises Missing where its package is not installed, or is not fit to be used here."""
    name = module.split(".")[0]
    package = PACKAGES.get(name, name)
    if importlib.util.find_spec(name) is None:
        raise Missing(package)
    try:
        return importlib.import_module(module)
    # Such as a torchvision that was built for another torch: RuntimeError: operator does not exist.
    except (ImportError, OSError, RuntimeError) as error:
        raise Missing(f"{package} that can be loaded ({error})") from error


def peak_rss_bytes() -> int:
    """The largest resident set. getrusage()'s begins with that of whoever started the process; VmHWM does not."""
    try:
        with open("/proc/self/status", encoding="latin-1") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begin


def _events() -> TextIO:
    """The real stdout; from now on whatever else is printed goes to stderr."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def serve(open_trial: Callable[[Spec], Trial]) -> None:
    """Runs a peer to its end."""
    events = _events()

    def say(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=events, flush=True)

    spec = Spec.read(sys.argv[1])
    try:
        np = need("numpy")
        trial = open_trial(spec)
    except Missing as missing:
        say({"event": "missing", "what": str(missing)})
        return
    say({"event": "ready", "versions": trial.versions, "device": trial.device})
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("end") is True:
            break
        say({"event": "round", "round": request["round"], **trial.work(request["seconds"])})
    else:
        return  # Whoever asked has gone.
    # Before the answers are made: they are no part of the work.
    peak = peak_rss_bytes()
    path = os.path.join(spec.out, "answers.npy")
    np.save(path, np.ascontiguousarray(trial.answers()))
    say({"event": "end", "peakRssBytes": peak, "answers": path})
