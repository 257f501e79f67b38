"""Where the rows of a split are kept: on the device, or read as a stream."""

from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.config import DataConfig
from jaxdl.data.gather import gather_rows
from jaxdl.data.source import Dataset, Source, check_finite_rows
from jaxdl.data.splits.assign import Assigned
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.typing import Host


def place_split(opened: Dataset, assigned: Assigned, cfg: DataConfig) -> Split:
    """The assigned rows of one split of the set, at the placement that fits."""
    source, numbers = opened.splits[assigned.split], assigned.numbers
    labels = None if source.labels is None else np.asarray(source.labels)[numbers]
    if labels is not None and opened.classes and labels.ndim == 1:
        check_labels(labels, len(opened.classes), cfg.name)
    options: dict[str, Any] = {
        "name": assigned.name,
        "batch_size": cfg.batch_size,
        "seed": cfg.seed,
        "vocabulary": opened.vocabulary,
        "synthetic": opened.synthetic,
        "table": opened.table,
        "skeleton": opened.skeleton,
    }
    if choose_placement(source, len(numbers), cfg) == "stream":
        options |= {"rows": numbers, "labels": labels, "workers": cfg.workers}
        return StreamSplit(source, opened.classes, **options)
    arrays = gather_rows(source, numbers)
    check_finite_rows(f"data {cfg.name!r}, split {assigned.split!r}", arrays, numbers)
    if source.check is not None:
        source.check.finish()  # too many boxes that cannot be used
    return Split(arrays, opened.classes, notes=source.remarks(), **options)


def choose_placement(source: Source, count: int, cfg: DataConfig) -> str:
    """`data.placement`, or what its "auto" means for so many rows."""
    if cfg.placement != "auto":
        return cfg.placement
    row = sum(np.asarray(value).nbytes for value in source[0].values())
    return "device" if row * count <= cfg.max_device_bytes else "stream"


def check_labels(labels: Host, classes: int, name: str) -> None:
    """Raises DataError unless labels are integers in [0, classes)."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"data {name!r}: labels must be integers, got {labels.dtype}")
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        raise DataError(
            f"data {name!r}: labels must lie in 0..{classes - 1}, got {labels[bad[0]]} in row "
            f"{bad[0]} ({len(bad)} such rows)"
        )
