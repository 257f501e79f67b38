"""How well the parts of a cloud are found."""

from collections.abc import Iterable

import numpy as np

from jaxdl.checks import check_same_shape
from jaxdl.typing import Host


def part_iou(found: Host, truth: Host, parts: Iterable[int]) -> float:
    """The mean IoU over the parts of one cloud's class (Yi et al. 2016; PointNet, section 5.1).

    `(N,)`, `(N,)` part numbers. A part that is neither there nor found counts 1.
    """
    check_same_shape("part_iou: found, truth", found, truth)
    scores = []
    for part in parts:
        either = ((found == part) | (truth == part)).sum()
        both = ((found == part) & (truth == part)).sum()
        scores.append(both / either if either else 1.0)
    return float(np.mean(scores))
