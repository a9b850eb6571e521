"""Compares the sparse JPEG decoder with OpenCV's resize(imread(file)), byte by byte.

Usage: python jpeg_sparse_parity.py LIBRARY [--random N] [--seed S] [--zip FILE] [--kernels NAME ...]

LIBRARY is the shared library built from jpeg_sparse_shared.cpp. Random files vary in size (from 1 x 1),
content, quality, subsampling, Huffman tables, restart interval and markers; each is resized to a random
size. Needs opencv-python, pillow and numpy. Exit code 1 if any byte differs.
"""

import argparse
import collections
import ctypes
import io
import random
import sys
import zipfile

import cv2
import numpy as np
from PIL import Image

RESULTS = ["ok", "not taken", "damaged"]
SUBSAMPLINGS = [
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
]


class Decoder:
    def __init__(self, library):
        self._library = ctypes.CDLL(library)
        self._library.sparseKernels.restype = ctypes.c_char_p
        self.kernels = []
        while name := self._library.sparseKernels(len(self.kernels)):
            self.kernels.append(name.decode())

    def decode(self, kernels, files, width, height):
        count = len(files)
        rgb = np.zeros((count, height, width, 3), np.uint8)
        results = np.zeros(count, np.uint8)
        self._library.sparseDecode(
            self.kernels.index(kernels),
            count,
            (ctypes.c_char_p * count)(*files),
            (ctypes.c_size_t * count)(*map(len, files)),
            width,
            height,
            rgb.ctypes.data_as(ctypes.c_void_p),
            results.ctypes.data_as(ctypes.c_void_p),
        )
        return rgb, results


def reference(file, width, height):
    image = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return cv2.resize(image, (width, height))[:, :, ::-1]


def random_pixels(rng, width, height):
    kind = rng.choice(["noise", "binary", "smooth", "texture", "flat", "edges"])
    values = np.random.RandomState(rng.randrange(2**31))
    if kind == "noise":
        return values.randint(0, 256, (height, width, 3), np.uint8)
    if kind == "binary":
        return (values.randint(0, 2, (height, width, 3)) * 255).astype(np.uint8)
    if kind == "flat":
        return np.full((height, width, 3), values.randint(0, 256, 3), np.uint8)
    if kind == "edges":
        mask = values.randint(0, 2, (height // 7 + 1, width // 5 + 1, 3), np.uint8) * 255
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    small = values.randint(0, 256, (height // 9 + 2, width // 9 + 2, 3), np.uint8)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if kind == "smooth":
        return smooth
    noise = values.normal(0, rng.choice([3, 15, 40]), smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def random_size(rng):
    return rng.choice([rng.randint(1, 20), rng.randint(1, 150), rng.randint(1, 400)])


def random_file(rng):
    pixels = random_pixels(rng, random_size(rng), random_size(rng))
    quality = rng.choice([rng.randint(1, 100), 75, 95, 100, 1])
    optimize = rng.random() < 0.3
    if rng.random() < 0.25:
        out = io.BytesIO()
        image = Image.fromarray(pixels)
        if rng.random() < 0.5:
            image = image.convert("L")
        options = {"dpi": (72, 72)} if rng.random() < 0.3 else {}
        if rng.random() < 0.2:
            options["comment"] = b"a comment \xff\xd8"
        image.save(out, "JPEG", quality=quality, optimize=optimize, subsampling=rng.randrange(3), **options)
        return out.getvalue()
    if rng.random() < 0.15:
        pixels = pixels[:, :, 0]
    options = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, rng.choice(SUBSAMPLINGS),
        cv2.IMWRITE_JPEG_OPTIMIZE, int(optimize),
    ]  # fmt: skip
    if rng.random() < 0.4:
        options += [cv2.IMWRITE_JPEG_RST_INTERVAL, rng.choice([1, 2, 3, 7, 8, 16, 50, 1000])]
    if rng.random() < 0.3:
        options += [cv2.IMWRITE_JPEG_CHROMA_QUALITY, rng.randint(1, 100)]
    return cv2.imencode(".jpg", pixels, options)[1].tobytes()


def random_output(rng, file):
    header = Image.open(io.BytesIO(file))
    width, height = header.size
    choice = rng.randrange(6)
    if choice == 0:
        return width, height
    if choice == 1 and width % 2 == 0 and height % 2 == 0:
        return width // 2, height // 2
    if choice == 2 and width >= 3 and height >= 3:
        divisor = rng.choice([3, 3, 5, 7])
        return max(1, width // divisor), max(1, height // divisor)
    if choice == 3:
        return max(1, round(width * rng.uniform(1, 2.5))), max(1, round(height * rng.uniform(1, 2.5)))
    return rng.randint(1, 300), rng.randint(1, 300)


class Tally:
    def __init__(self):
        self.results = collections.Counter()
        self.files = 0
        self.bytes = 0
        self.differing = 0

    def add(self, what, expected, rgb, result):
        self.files += 1
        self.results[RESULTS[result]] += 1
        if result != 0:
            return
        different = int((expected != rgb).sum())
        self.bytes += expected.size
        self.differing += different
        if different:
            print(f"{what}: {different} bytes differ")

    def __str__(self):
        results = ", ".join(f"{count} {name}" for name, count in self.results.items())
        return f"{self.files} comparisons ({results}), {self.bytes} bytes, {self.differing} differ"


def check_random(decoder, kernels, count, seed, tally):
    for number in range(0, count, 2):
        rng = random.Random(f"{seed}/{number}")
        files = [random_file(rng), random_file(rng)]
        width, height = random_output(rng, files[0])
        expected = [reference(file, width, height) for file in files]
        for name in kernels:
            rgb, results = decoder.decode(name, files, width, height)
            for i, result in enumerate(results):
                tally.add(f"{name} {seed}/{number}+{i} {width}x{height}", expected[i], rgb[i], result)


def check_zip(decoder, kernels, path, size, tally):
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
    for begin in range(0, len(names), 50):
        files = [archive.read(name) for name in names[begin : begin + 50]]
        expected = [reference(file, size, size) for file in files]
        for kernel in kernels:
            rgb, results = decoder.decode(kernel, files, size, size)
            for i, result in enumerate(results):
                tally.add(f"{kernel} {names[begin + i]}", expected[i], rgb[i], result)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--zip")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--kernels", nargs="*")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    decoder = Decoder(options.library)
    kernels = options.kernels or decoder.kernels
    tally = Tally()
    check_random(decoder, kernels, options.random, options.seed, tally)
    if options.zip:
        check_zip(decoder, kernels, options.zip, options.size, tally)
    print(f"OpenCV {cv2.__version__}, kernels {' '.join(kernels)}: {tally}")
    sys.exit(1 if tally.differing else 0)


if __name__ == "__main__":
    main()
