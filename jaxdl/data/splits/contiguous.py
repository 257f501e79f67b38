"""Rows in their own order: row b of a step goes on where row b of the step before ended."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl.data.splits.split import Split
from jaxdl.typing import Host


class ContiguousSplit(Split):
    """Windows of a text as `batch_size` streams, read side by side, the same in every epoch.

    Step s has row b * steps + s at place b; the rows of a last incomplete step are left out.
    """

    def __init__(self, arrays: Mapping[str, Host], **options: Any) -> None:
        super().__init__(arrays, shuffle=False, **options)

    def indices(self, epoch: int) -> Host:
        """See `Split.indices`."""
        steps = self.steps_per_epoch
        return np.arange(self.batch_size * steps, dtype=np.int32).reshape(-1, steps).T


def contiguous(split: Split) -> ContiguousSplit:
    """A resident split's rows as streams."""
    return ContiguousSplit(
        split.arrays,
        classes=split.classes,
        name=split.name,
        batch_size=split.batch_size,
        seed=split.seed,
        vocabulary=split.vocabulary,
        synthetic=split.synthetic,
    )
