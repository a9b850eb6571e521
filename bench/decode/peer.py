"""OpenCV or Pillow: decode, resize, keep the results. Spoken to as bench/decode/peer.ts says.

Usage: python peer.py opencv|opencv-into|pillow FOLDER SIZE THREADS

opencv: each result is an array of its own, as users write it. opencv-into: into memory that is there.
"""

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

library, folder, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]

if library == "opencv":
    import cv2

    cv2.setNumThreads(1)
    kept = [None] * len(files)

    def decode(i):
        kept[i] = cv2.resize(cv2.imread(files[i]), (size, size))

elif library == "opencv-into":
    import cv2

    cv2.setNumThreads(1)
    kept = np.zeros((len(files), size, size, 3), np.uint8)

    def decode(i):
        cv2.resize(cv2.imread(files[i]), (size, size), dst=kept[i])

else:
    from PIL import Image

    kept = np.zeros((len(files), size, size, 3), np.uint8)

    def decode(i):
        with Image.open(files[i]) as image:
            kept[i] = np.asarray(image.convert("RGB").resize((size, size), Image.BILINEAR))


pool = ThreadPoolExecutor(threads) if threads > 1 else None


def decode_all():
    if pool is None:
        for i in range(len(files)):
            decode(i)
    else:
        list(pool.map(decode, range(len(files))))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


decode_all()
print("ready", flush=True)
for line in sys.stdin:
    decode_all()
    cpu, start = cpu_seconds(), time.perf_counter()
    passes, seconds = 0, 0.0
    while seconds < 0.4:
        decode_all()
        passes += 1
        seconds = time.perf_counter() - start
    print(json.dumps({"passes": passes, "seconds": seconds, "cpuSeconds": cpu_seconds() - cpu}), flush=True)
