"""tf.data: read_file, decode_jpeg with the accurate inverse DCT, tf.image.resize, in batches."""

import os

from protocol import Spec, Stopwatch, Trial, need, serve

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class TfDataTrial:
    def __init__(self, spec: Spec, tf) -> None:
        self.versions = {"tensorflow": tf.__version__}
        self.device = f"CPU, {spec.threads} threads"
        self._spec = spec
        size = (spec.size, spec.size)

        def read(path):
            image = tf.io.decode_jpeg(
                tf.io.read_file(path), channels=3, dct_method="INTEGER_ACCURATE"
            )
            return tf.cast(tf.round(tf.image.resize(image, size)), tf.uint8)

        options = tf.data.Options()
        options.threading.private_threadpool_size = spec.threads
        options.threading.max_intra_op_parallelism = 1
        tiles = tf.data.Dataset.from_tensor_slices(spec.files)
        tiles = tiles.repeat().map(read, num_parallel_calls=spec.threads, deterministic=True)
        self._tiles = tiles.with_options(options)
        self._batches = iter(tiles.batch(spec.batch).prefetch(2).with_options(options))
        next(self._batches)

    def work(self, seconds):
        watch = Stopwatch()
        tiles = 0
        while tiles == 0 or watch.seconds < seconds:
            tiles += next(self._batches).shape[0]
        return {"tiles": int(tiles), "seconds": watch.seconds}

    def answers(self):
        np = need("numpy")
        return np.stack(list(self._tiles.take(self._spec.check_tiles).as_numpy_iterator()))


def open_trial(spec: Spec) -> Trial:
    tf = need("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(spec.threads)
    tf.config.threading.set_inter_op_parallelism_threads(spec.threads)
    return TfDataTrial(spec, tf)


if __name__ == "__main__":
    serve(open_trial)
