"""A peer of bench/inference.ts in Python: the classifier in Keras or ONNX Runtime, fed by OpenCV.

    python peer.py keras|onnxruntime FOLDER FILES THREADS MODEL_OR_WEIGHTS

keras: the base from WEIGHTS.safetensors and the recipe's head with weights of its own: as fast as any.
Prints "ready", then for each line on stdin (session|decode|files|latency PASSES) a line of JSON.
"""

import json
import os
import resource
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

kind, folder, count, threads, model_path = sys.argv[1:]
count, threads = int(count), int(threads)
files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))][:count]
SIZE, BATCH = 256, 32
cv2.setNumThreads(1)
pool = ThreadPoolExecutor(threads)


def read(path):
    return cv2.cvtColor(cv2.resize(cv2.imread(path), (SIZE, SIZE)), cv2.COLOR_BGR2RGB)


def keras_model():
    import keras
    from keras import layers
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    data = open(model_path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])

    def weight(name):
        entry = header[name]
        size = int(np.prod(entry["shape"]))
        return np.frombuffer(data, "<f4", size, 8 + length + entry["data_offsets"][0]).reshape(entry["shape"])

    whole = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))
    base = keras.Model(whole.input, whole.get_layer("mixed7").output)
    for layer in base.layers:
        layer.set_weights([weight(f"{layer.name}/{w.name}") for w in layer.weights])
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            base,
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    version = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"
    return version, lambda tiles: model.predict(tiles.astype(np.float32) / 127.5 - 1, batch_size=BATCH, verbose=0)


def onnx_model():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(tiles):
        parts = [session.run(None, {name: tiles[i : i + BATCH]})[0] for i in range(0, len(tiles), BATCH)]
        return np.concatenate(parts)

    return f"onnxruntime {onnxruntime.__version__}", run


version, run = keras_model() if kind == "keras" else onnx_model()
kept = np.stack(list(pool.map(read, files)))


def decode():
    return np.stack(list(pool.map(read, files)))


def from_files():
    if kind == "keras":
        return run(decode())
    # While a batch runs, the pool reads the next one: ONNX Runtime lets go of the interpreter.
    ahead = [pool.submit(read, path) for path in files[:BATCH]]
    for begin in range(0, len(files), BATCH):
        batch = np.stack([future.result() for future in ahead])
        ahead = [pool.submit(read, path) for path in files[begin + BATCH : begin + 2 * BATCH]]
        run(batch)


WORK = {"session": lambda: run(kept), "decode": decode, "files": from_files}
print(json.dumps({"ready": version}), flush=True)
for line in sys.stdin:
    mode, passes = line.split()
    if mode == "latency":
        one = kept[:1]
        run(one)
        times = []
        for _ in range(int(passes)):
            start = time.perf_counter()
            run(one)
            times.append(time.perf_counter() - start)
        answer = {"milliseconds": [1000 * seconds for seconds in times]}
    else:
        start = time.perf_counter()
        for _ in range(int(passes)):
            WORK[mode]()
        answer = {"tilesPerSecond": int(passes) * len(files) / (time.perf_counter() - start)}
    answer["peakMiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(answer), flush=True)
