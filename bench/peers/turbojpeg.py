"""libjpeg-turbo by its own API (libturbojpeg), as far as decoding takes it; by ctypes, which lets go of the lock."""

import ctypes
import ctypes.util
import threading

import numpy as np

from protocol import Missing

# turbojpeg.h: pixels as red, green, blue; the inverse DCT that libjpeg calls islow, which OpenCV uses.
_TJPF_RGB = 0
_TJFLAG_ACCURATEDCT = 4096


def load() -> ctypes.CDLL:
    """Raises Missing where the library is not installed."""
    name = ctypes.util.find_library("turbojpeg")
    if name is None:
        raise Missing("libturbojpeg")
    library = ctypes.CDLL(name)
    library.tjInitDecompress.restype = ctypes.c_void_p
    library.tjGetErrorStr2.restype = ctypes.c_char_p
    library.tjGetErrorStr2.argtypes = [ctypes.c_void_p]
    integer = ctypes.POINTER(ctypes.c_int)
    bytes_and_length = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong]
    library.tjDecompressHeader3.argtypes = [*bytes_and_length, *[integer] * 4]
    library.tjDecompress2.argtypes = [*bytes_and_length, ctypes.c_void_p, *[ctypes.c_int] * 5]
    return library


class Decoder:
    """One for all threads; each has a handle of its own."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._own = threading.local()

    def decode(self, data: bytes) -> np.ndarray:
        """(height, width, 3) uint8 RGB; raises ValueError."""
        if not hasattr(self._own, "handle"):
            self._own.handle = self._library.tjInitDecompress()
        handle = self._own.handle
        width, height, sampling, colours = (ctypes.c_int() for _ in range(4))
        facts = (ctypes.byref(number) for number in (width, height, sampling, colours))
        self._check(self._library.tjDecompressHeader3(handle, data, len(data), *facts))
        pixels = np.empty((height.value, width.value, 3), np.uint8)
        place = pixels.ctypes.data_as(ctypes.c_void_p)
        how = (width.value, 0, height.value, _TJPF_RGB, _TJFLAG_ACCURATEDCT)
        self._check(self._library.tjDecompress2(handle, data, len(data), place, *how))
        return pixels

    def _check(self, code: int) -> None:
        if code != 0:
            raise ValueError(self._library.tjGetErrorStr2(self._own.handle).decode())
