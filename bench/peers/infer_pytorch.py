"""PyTorch: the exported network as a module with the same weights, channels last, in inference mode."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    torch = need("torch")
    need("onnx")
    from networks import open_network
    from torch_graph import TorchGraph

    torch.set_num_threads(spec.threads)
    torch.set_num_interop_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = TorchGraph(spec.onnx).eval().to(device, memory_format=torch.channels_last)

    def run(tiles):
        with torch.inference_mode():
            return model(torch.from_numpy(tiles).to(device)).cpu().numpy()

    where = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {spec.threads} threads"
    return open_network(spec, {"torch": torch.__version__}, where, run)


if __name__ == "__main__":
    serve(open_trial)
