"""Keras on TensorFlow: a step of the recipe's head at a time, compiled as the recipe compiles it."""

import os

from protocol import Spec, Trial, need, serve

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"


def open_trial(spec: Spec) -> Trial:
    tf = need("tensorflow")
    keras = need("keras")
    from head_training import CLASSES, SHAPE, TrainingTrial

    tf.config.threading.set_intra_op_parallelism_threads(spec.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.BatchNormalization(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")

    # Keras keeps a running mean of what it gives back; anew at each step it is the step's own.
    def step(features, labels):
        model.reset_metrics()
        return float(model.train_on_batch(features, labels))

    gpus = tf.config.list_physical_devices("GPU")
    device = gpus[0].name if gpus else f"CPU, {spec.threads} threads"
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    return TrainingTrial(spec, versions, device, step)


if __name__ == "__main__":
    serve(open_trial)
