"""libjpeg-turbo through its own API, then OpenCV's resize: what a program around the library would do."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    cv2 = need("cv2")
    import turbojpeg
    from images import DecodeTrial

    cv2.setNumThreads(1)
    library = turbojpeg.load()
    decoder = turbojpeg.Decoder(library)
    size = (spec.size, spec.size)

    def read(path, into):
        with open(path, "rb") as file:
            cv2.resize(decoder.decode(file.read()), size, dst=into)

    versions = {"libturbojpeg": library._name, "cv2": cv2.__version__}
    return DecodeTrial(spec, versions, read)


if __name__ == "__main__":
    serve(open_trial)
