"""Boxes of single frames joined to tracks by how much they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxdl.metrics.voc_ap import overlaps
from jaxdl.typing import Host


@dataclass
class Track:
    """One thing through time: `frames[i]` is the frame, `places[i]` the detection in it."""

    frames: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


def link_boxes(boxes: Sequence[Host], *, least_iou: float = 0.2) -> list[Track]:
    """Tracks through frames, each `(n, 4)` corners; every box is in one track.

    From each frame to the next the pairs of the largest sum of IoU are joined (Hungarian
    algorithm, Kuhn 1955, by SciPy), those under `least_iou` not; what is left over begins a track,
    and a track that finds no box ends (the IoU tracker of Bochinski et al. 2017, which pairs
    greedily).
    """
    from scipy.optimize import linear_sum_assignment

    tracks: list[Track] = []
    open_tracks: list[Track] = []
    for frame, found in enumerate(boxes):
        before = [boxes[frame - 1][track.places[-1]] for track in open_tracks]
        shared = overlaps(np.array(before).reshape(-1, 4), found)
        # Pairs below the least count as none, so that they do not crowd out a good one.
        shared = np.where(shared >= least_iou, shared, 0)
        pairs = zip(*linear_sum_assignment(shared, maximize=True), strict=True)
        joined = {int(j): open_tracks[i] for i, j in pairs if shared[i, j] > 0}
        now = []
        for place in range(len(found)):
            track = joined.get(place)
            if track is None:
                track = Track()
                tracks.append(track)
            track.frames.append(frame)
            track.places.append(place)
            now.append(track)
        open_tracks = now
    return tracks


def label_tracks(tracks: Sequence[Track], logits: Sequence[Host]) -> list[Host]:
    """Each box's class probabilities from the whole track: frames of `(n, K)` -> the same.

    softmax of the mean of the logits along the track.
    """
    told = [np.zeros(np.shape(frame), np.float64) for frame in logits]
    for track in tracks:
        mean = np.mean(
            [logits[f][p] for f, p in zip(track.frames, track.places, strict=True)], axis=0
        )
        share = np.exp(mean - mean.max())
        for f, p in zip(track.frames, track.places, strict=True):
            told[f][p] = share / share.sum()
    return told
