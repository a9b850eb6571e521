"""torchvision: decode_jpeg and its functional resize on uint8, without averaging, as cv2.resize has it."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    torch = need("torch")
    torchvision = need("torchvision")
    need("torchvision.io")
    resize = need("torchvision.transforms.v2.functional").resize
    from images import DecodeTrial

    # One thread an image.
    torch.set_num_threads(1)
    size = [spec.size, spec.size]
    io = torchvision.io

    def read(path, into):
        image = io.decode_image(io.read_file(path), mode=io.ImageReadMode.RGB)
        into.copy_(resize(image, size, antialias=False))

    return DecodeTrial(
        spec,
        {"torch": torch.__version__, "torchvision": torchvision.__version__},
        read,
        lambda planes: planes.permute(1, 2, 0).numpy(),
        lambda own: torch.zeros((3, own.size, own.size), dtype=torch.uint8),
    )


if __name__ == "__main__":
    serve(open_trial)
