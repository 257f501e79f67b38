"""Films as files: frames of one gray value each, so that it tells which frame is which."""

from fractions import Fraction

import numpy as np
from PIL import Image


def gray_frames(count, shape=(16, 24), step=8):
    """`(count, H, W, 3)` uint8, frame i of value `i * step`."""
    values = (np.arange(count) * step).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, *shape, 3)).copy()


def write_folder(folder, frames):
    """0.png, 1.png, ..., 10.png: their names do not sort as words."""
    folder.mkdir(parents=True)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{i}.png")
    return folder


def write_gif(path, frames, duration=40):
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=duration, optimize=False)
    return path


def write_mp4(path, frames, rate=25, times=None):
    """`times`: the number of each frame's tick of 1 / rate s (default: one after the other)."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = i if times is None else times[i]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
