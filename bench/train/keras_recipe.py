"""The recipe in Python Keras, as a user writes it: from the archive to a trained, evaluated model.

    python keras_recipe.py ARCHIVE.zip WEIGHTS.safetensors FOLDER OUT.json STARTED EPOCHS

The archive is unpacked into FOLDER, every image read and resized by OpenCV into one array; the frozen base
runs in every epoch. WEIGHTS are those of our base, so that both sides start from the same. STARTED is when
the process was started, in seconds since 1970. OUT.json has the seconds of every phase and epoch; it is
written anew after each of them.
"""

import hashlib
import json
import os
import re
import struct
import sys
import time
import zipfile
from pathlib import Path

ARCHIVE, WEIGHTS, FOLDER, OUT, STARTED, EPOCHS = sys.argv[1:]
result = {"phases": {}, "epochs": []}
last = float(STARTED)


def write():
    Path(OUT + ".tmp").write_text(json.dumps(result))
    os.replace(OUT + ".tmp", OUT)


def mark(phase):
    """Ends a phase: its seconds are those since the one before it ended."""
    global last
    now = time.time()
    result["phases"][phase] = now - last
    last = now
    write()
    print(f"{phase}: {result['phases'][phase]:.1f} s", file=sys.stderr, flush=True)


import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import train_test_split

result["versions"] = {
    "python": sys.version.split()[0],
    "keras": keras.__version__,
    "tensorflow": tf.__version__,
    "opencv": cv2.__version__,
}
mark("import")

IMG_SIZE = 256
SPLIT = 0.2
BATCH_SIZE = 64
CLASSES = ["lung_n", "lung_aca", "lung_scc"]
keras.utils.set_random_seed(0)

with zipfile.ZipFile(ARCHIVE) as archive:
    archive.extractall(FOLDER)
mark("unzip")

files, labels = [], []
for label, name in enumerate(CLASSES):
    (folder,) = [f for f in Path(FOLDER).rglob(name) if f.is_dir()]
    found = sorted(folder.iterdir(), key=lambda file: int(re.findall(r"\d+", file.name)[-1]))
    files += found
    labels += [label] * len(found)
X = np.empty((len(files), IMG_SIZE, IMG_SIZE, 3), np.uint8)
for i, file in enumerate(files):
    image = cv2.resize(cv2.imread(str(file)), (IMG_SIZE, IMG_SIZE))
    X[i] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
Y = keras.utils.to_categorical(labels, len(CLASSES))
mark("read")

names = [file.name for file in files]
X_train, X_val, Y_train, Y_val, _, val_names = train_test_split(
    X, Y, names, test_size=SPLIT, random_state=2022
)
result["validation"] = hashlib.sha256("\n".join(val_names).encode()).hexdigest()
result["tiles"] = {"train": len(X_train), "validation": len(X_val)}
mark("split")


def base_weights():
    data = np.memmap(WEIGHTS, np.uint8, "r")
    (length,) = struct.unpack("<Q", data[:8].tobytes())
    header = json.loads(data[8 : 8 + length].tobytes())
    header.pop("__metadata__", None)
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        yield name, np.frombuffer(data[begin:end].tobytes(), "<f4").reshape(entry["shape"])


base = keras.applications.InceptionV3(
    weights=None, include_top=False, input_shape=(IMG_SIZE, IMG_SIZE, 3)
)
to_mixed7 = keras.Model(base.input, base.get_layer("mixed7").output)
weights = dict(base_weights())
for layer in to_mixed7.layers:
    layer.set_weights([weights[f"{layer.name}/{w.name}"] for w in layer.weights])
for layer in base.layers:
    layer.trainable = False

inputs = keras.Input((IMG_SIZE, IMG_SIZE, 3))
x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
x = layers.Flatten()(to_mixed7(x))
x = layers.Dense(256, activation="relu")(x)
x = layers.BatchNormalization()(x)
x = layers.Dense(128, activation="relu")(x)
x = layers.Dropout(0.3)(x)
x = layers.BatchNormalization()(x)
outputs = layers.Dense(len(CLASSES), activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
mark("build")


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch; of the first, what building the graphs took: first batch less a usual one."""

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = self.ticked = time.perf_counter()
        self.batches, self.test_batches = [], []

    def _tick(self, batches):
        now = time.perf_counter()
        batches.append(now - self.ticked)
        self.ticked = now

    def on_train_batch_end(self, batch, logs=None):
        self._tick(self.batches)

    def on_test_begin(self, logs=None):
        self.validating = self.ticked = time.perf_counter()

    def on_test_batch_end(self, batch, logs=None):
        self._tick(self.test_batches)

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        extra = [max(0.0, b[0] - float(np.median(b[1:] or b))) for b in (self.batches, self.test_batches)]
        result["epochs"].append(
            {
                "seconds": now - self.begun,
                "trainSeconds": self.validating - self.begun,
                "validationSeconds": now - self.validating,
                "graphSeconds": sum(extra) if epoch == 0 else 0.0,
                "loss": logs["loss"],
                "accuracy": logs["accuracy"],
                "valLoss": logs["val_loss"],
                "valAccuracy": logs["val_accuracy"],
            }
        )
        write()
        print(f"epoch {epoch + 1}: {json.dumps(result['epochs'][-1])}", file=sys.stderr, flush=True)


# Neither of the recipe's two stops: where they would have come is seen from the epochs.
model.fit(
    X_train,
    Y_train,
    validation_data=(X_val, Y_val),
    batch_size=BATCH_SIZE,
    epochs=int(EPOCHS),
    verbose=0,
    callbacks=[
        keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.5, monitor="val_loss"),
        Clock(),
    ],
)
mark("fit")

predicted = np.argmax(model.predict(X_val, batch_size=BATCH_SIZE, verbose=0), axis=1)
truth = np.argmax(Y_val, axis=1)
result["confusionMatrix"] = confusion_matrix(truth, predicted).tolist()
result["report"] = classification_report(truth, predicted, target_names=CLASSES)
result["accuracy"] = float(np.mean(truth == predicted))
mark("judge")
