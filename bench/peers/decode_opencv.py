"""OpenCV: imread and resize, into memory that is there."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    cv2 = need("cv2")
    from images import DecodeTrial

    # One thread an image.
    cv2.setNumThreads(1)
    size = (spec.size, spec.size)

    def read(path, into):
        cv2.resize(cv2.imread(path, cv2.IMREAD_COLOR), size, dst=into)

    return DecodeTrial(spec, {"cv2": cv2.__version__}, read, lambda bgr: bgr[:, :, ::-1])


if __name__ == "__main__":
    serve(open_trial)
