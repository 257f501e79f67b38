"""K-fold cross-validation: which rows each fold holds out, and splits that train on the rest."""

import copy

import numpy as np

from jaxdl.checks import UsageError
from jaxdl.data.splits.split import Split, permutation
from jaxdl.data.splits.stream import StreamSplit
from jaxdl.typing import Host

EPOCH = 2**32 + 1  # of the order of rows; no epoch reaches this number


def fold_of_rows(labels: Host, folds: int, seed: int) -> Host:
    """The fold that holds out each row, `(size,)` in [0, folds); `labels` `(size,)`.

    Stratified and deterministic: within every label, and over all rows, the folds' counts differ
    by one at most.
    """
    size = len(labels)
    if not 2 <= folds <= size:
        raise UsageError(f"folds must lie in 2..{size}, the number of rows, got {folds}")
    order = permutation(size, seed, EPOCH)
    order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(size, np.int32)
    fold[order] = np.arange(size) % folds  # the cycle goes on from label to label
    return fold


def fold_splits(split: Split, folds: int, seed: int) -> list[tuple[Split, Split]]:
    """(rows to train on, rows held out) of every fold.

    The training splits of resident data keep all rows on the device and differ in their numbers
    only, so that one compiled program serves all folds.
    """
    labels = split.labels
    fold = fold_of_rows(np.zeros(split.size) if labels is None else labels, folds, seed)
    pairs = []
    for k in range(folds):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        stream = isinstance(split, StreamSplit)
        train = split.take(rest, name="train") if stream else SomeRows(split, rest)
        pairs.append((train, split.take(held, name=f"fold {k + 1} of {folds}")))
    return pairs


class SomeRows(Split):
    """Rows `numbers` of a resident split, all of which stays on the device."""

    def __init__(self, split: Split, numbers: Host) -> None:
        vars(self).update(vars(copy.copy(split)))
        self.numbers, self.size = np.asarray(numbers, np.int32), len(numbers)

    def rows(self, start: int, stop: int) -> Host:
        """Row numbers in the whole split of steps `start` to `stop`: `(steps, B)`."""
        return self.numbers[super().rows(start, stop)]
