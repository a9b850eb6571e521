"""Keras on TensorFlow: the recipe's network with the bundle's weights, batch by batch."""

import os

from protocol import Spec, Trial, need, serve

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"


def open_trial(spec: Spec) -> Trial:
    tf = need("tensorflow")
    keras = need("keras")
    np = need("numpy")
    import keras_bundle
    from networks import open_network

    tf.config.threading.set_intra_op_parallelism_threads(spec.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras_bundle.load(keras, spec.model)

    # Without the set-up of a data set that predict() makes at each call.
    def run(tiles):
        return model.predict_on_batch(tiles.astype(np.float32))

    gpus = tf.config.list_physical_devices("GPU")
    device = gpus[0].name if gpus else f"CPU, {spec.threads} threads"
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    return open_network(spec, versions, device, run)


if __name__ == "__main__":
    serve(open_trial)
