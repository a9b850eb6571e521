"""Writes small random JPEG files as seeds for the fuzzer: python jpeg_sparse_seeds.py FOLDER COUNT."""

import pathlib
import random
import sys

import jpeg_sparse_parity

jpeg_sparse_parity.random_size = lambda rng: rng.randint(1, 48)
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for number in range(int(sys.argv[2])):
    rng = random.Random(number)
    file = jpeg_sparse_parity.random_file(rng)
    (folder / f"{number:04}").write_bytes(bytes([rng.randrange(256), rng.randrange(256)]) + file)
