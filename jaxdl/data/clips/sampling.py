"""Which frames of a film make a clip, at which rate, and what they take."""

import numpy as np

from jaxdl.checks import check_one_of, check_positive
from jaxdl.typing import Host

WAYS = ("uniform", "dense", "random")


def raw_bytes(height: int, width: int, rate: float, seconds: float) -> float:
    """Bytes of RGB frames: 1080p at 30 frames per second takes 11.2 GB per minute."""
    return height * width * 3 * rate * seconds


def at_rate(times: Host, rate: float) -> Host:
    """The frame that is shown every 1 / `rate` seconds: `(N,)` seconds, rising -> numbers.

    By time, so that films of any rate, a variable one too, end at the same; each is that of the
    last frame that has begun. Frames come twice where `rate` is above the film's own.
    """
    check_positive("at_rate: rate", rate)
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    count = max(1, int(np.floor((times[-1] - times[0] + usual) * rate + 1e-6)))
    wanted = times[0] + np.arange(count) / rate
    return np.searchsorted(times, wanted + 1e-6, side="right") - 1


def clip_places(
    count: int, frames: int, *, way: str, clips: int = 1, starts: Host | None = None
) -> Host:
    """Places of the frames of clips among `count`: `(clips, frames)`, rising in each.

    uniform: the middle of each of `frames` equal parts of the whole (Wang et al. 2016, TSN); of
    several clips the part itself is divided. dense: consecutive frames, the clips evenly spaced
    from the first to the last possible start. random: consecutive ones from `starts` `(clips,)`
    in [0, 1) over the possible starts. A film that is too short is shown up to its last frame,
    which then stands.
    """
    check_one_of("clip_places: way", way, WAYS)
    for name, value in (("count", count), ("frames", frames), ("clips", clips)):
        check_positive(f"clip_places: {name}", value)
    step = np.arange(frames)
    if way == "uniform":
        parts = (step[None] + (np.arange(clips)[:, None] + 0.5) / clips) * (count / frames)
        return np.minimum(parts.astype(np.int64), count - 1)
    last = max(count - frames, 0)
    if way == "dense":
        begin = np.round(np.linspace(0, last, clips) if clips > 1 else np.array([last / 2]))
    else:
        if starts is None or len(starts) != clips:
            raise ValueError(f"clip_places: random clips need starts, one for each of {clips}")
        begin = np.floor(np.asarray(starts) * (last + 1))
    return np.minimum(begin.astype(np.int64)[:, None] + step[None], count - 1)
