"""One film's clips for training and for the test, apart in time."""

import numpy as np

from jaxdl.checks import check_fraction
from jaxdl.typing import Host


def split_in_time(count: int, frames: int, *, share: float) -> dict[str, Host]:
    """Places of clips of consecutive frames: `train` and `test`, `(n, frames)` each, and `apart`.

    Every start within the first `share` of the `count` frames, and within the rest without a gap
    of `frames` between them, which no clip touches. `apart` are those of the test that share no
    frame. Raises ValueError where a part is shorter than a clip.
    """
    check_fraction("split_in_time: share", share)
    ends = int(share * count)
    begins = ends + frames
    if ends < frames or count - begins < frames:
        raise ValueError(
            f"split_in_time: {count} frames are too few for clips of {frames} in {share:g} of them "
            f"and, behind a gap of {frames}, in the rest"
        )
    step = np.arange(frames)
    test = np.arange(begins, count - frames + 1)[:, None] + step
    return {
        "train": np.arange(ends - frames + 1)[:, None] + step,
        "test": test,
        "apart": test[::frames],
    }
