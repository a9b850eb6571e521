"""Python's onnxruntime on the very .onnx file that ours runs."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    ort = need("onnxruntime")
    from networks import open_network

    options = ort.SessionOptions()
    options.intra_op_num_threads = spec.threads
    options.inter_op_num_threads = 1
    wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    providers = [name for name in wanted if name in ort.get_available_providers()]
    session = ort.InferenceSession(spec.onnx, options, providers=providers)
    name = session.get_inputs()[0].name

    def run(tiles):
        return session.run(["probabilities"], {name: tiles})[0]

    device = f"{session.get_providers()[0]}, {spec.threads} threads"
    return open_network(spec, {"onnxruntime": ort.__version__}, device, run)


if __name__ == "__main__":
    serve(open_trial)
