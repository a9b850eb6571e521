"""Pillow: open, convert, resize with its bilinear filter (which averages where it makes smaller)."""

from protocol import Spec, Trial, need, serve


def open_trial(spec: Spec) -> Trial:
    image = need("PIL.Image")
    from images import DecodeTrial

    size = (spec.size, spec.size)

    def read(path, into):
        with image.open(path) as opened:
            into[:] = opened.convert("RGB").resize(size, image.Resampling.BILINEAR)

    return DecodeTrial(spec, {"PIL": need("PIL").__version__}, read)


if __name__ == "__main__":
    serve(open_trial)
