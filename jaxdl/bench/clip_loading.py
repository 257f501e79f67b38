"""How fast clips come out of videos, compared with torch's DataLoader and the same decoder."""

import tempfile
import warnings
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxdl.bench.data_loading import WORKERS, compare, stream, torch_rounds
from jaxdl.checks import require
from jaxdl.data.config import ClipsData
from jaxdl.data.load import load_splits

FILMS, SHAPE, LENGTH = 64, (240, 320), 48  # of each video: height and width, frames
CLIP, SIDE = 8, 112  # frames, evenly spaced, and pixels to a side
BATCH, STEPS = 8, 64  # of a round: many more than either side reads ahead


def bench_clips(*, rounds: int) -> str:
    """Clips per second of both, and the median of the ratios of interleaved rounds."""
    require("torch", "jaxdl[torch]", "bench clips")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_videos(folder)
        theirs = torch_clips(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # no device is awake yet: fork is safe
            next(theirs)
        ours = own_clips(folder)
        line = compare(ours, theirs, rounds).replace("images/s", "clips/s")
        ours.close()
    return f"folder of MP4, {CLIP} of {LENGTH} frames of {SHAPE[0]}x{SHAPE[1]}: {line}"


def write_videos(folder: Path) -> None:
    """MPEG-4 of smooth noise that drifts, in two class folders."""
    from PIL import Image

    av = require("av", "jaxdl[video]", "bench clips")
    rng = np.random.default_rng(0)
    height, width = SHAPE
    for i in range(FILMS):
        small = Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8))
        ground = np.asarray(small.resize((width + LENGTH, height), Image.Resampling.BICUBIC))
        path = folder / "ab"[i % 2] / f"{i:03d}.mp4"
        path.parent.mkdir(exist_ok=True)
        with av.open(str(path), "w") as container:
            video = container.add_stream("mpeg4", rate=25)
            video.height, video.width, video.pix_fmt = height, width, "yuv420p"
            for t in range(LENGTH):
                view = np.ascontiguousarray(ground[:, t : t + width])
                frame = av.VideoFrame.from_ndarray(view, format="rgb24")
                frame.pts, frame.time_base = t, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode())


def own_clips(folder: Path) -> Generator[int, None, None]:
    """Rounds over the folder: decode, resize and cut, put on the device."""
    cfg = ClipsData(
        path=str(folder),
        image_size=(SIDE,),
        clip_frames=CLIP,
        batch_size=BATCH,
        placement="stream",
        workers=WORKERS,
    )
    split = load_splits(cfg)["train"]
    program = jax.jit(lambda resident, feed, key: feed["video"][:, :, 0, 0, 0].sum())
    yield from stream(split, program, STEPS)


def torch_clips(folder: Path) -> Generator[int, None, None]:
    """torch's DataLoader over the files: decode by PyAV up to the last frame of the clip, resize
    the shorter side and cut out the middle by Pillow."""
    import av
    import torch
    from PIL import Image

    files = sorted(folder.glob("*/*.mp4"))
    places = ((np.arange(CLIP) + 0.5) * LENGTH / CLIP).astype(int).tolist()

    def cut(frame: Any) -> Any:
        image = frame.to_image()
        scale = SIDE / min(image.size)
        image = image.resize([round(n * scale) for n in image.size], Image.Resampling.BILINEAR)
        left, top = ((n - SIDE) // 2 for n in image.size)
        return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> Any:
            kept = []
            with av.open(str(files[index])) as container:
                for i, frame in enumerate(container.decode(video=0)):
                    if i in places:
                        kept.append(cut(frame))
                    if i == places[-1]:
                        break
            return torch.from_numpy(np.stack(kept)), files[index].parent.name == "b"

    yield from torch_rounds(Files(), BATCH, STEPS)
