"""What looks like a mistake in the classes of a set of one's own."""

from collections.abc import Sequence

import numpy as np

from jaxdl.checks import one_line
from jaxdl.data.notes import Notes, doubt_alike
from jaxdl.data.source import Dataset
from jaxdl.typing import Host

FEW_ROWS = 20  # in fewer, a class of one row is no wonder
NAMED = 8


def note_taken(opened: Dataset, said: Sequence[str], doubts: Sequence[str] = ()) -> Dataset:
    """The set; what was taken for what, and what is odd in it, are notes of its training split."""
    train = opened.splits["train"]
    train.notes = train.notes or Notes()
    counted = [f"{len(train)} rows" + (f", {list_names(opened.classes)}" if opened.classes else "")]
    train.notes.taken[:0] = [*said, *counted]
    train.notes.doubts += doubts
    if opened.classes and train.labels is not None and train.labels.ndim == 1:
        train.notes.doubts += doubt_classes(opened.classes, train.labels)
    return opened


def list_names(classes: Sequence[str]) -> str:
    """How many classes, and the first of them."""
    shown = ", ".join(one_line(name) for name in classes[:NAMED]) + (
        ", ..." if len(classes) > NAMED else ""
    )
    return f"{len(classes)} class{'es' * (len(classes) != 1)}: {shown}"


def doubt_classes(classes: Sequence[str], labels: Host) -> list[str]:
    """Lines on the classes of labels `(N,)`: one alone, without rows, with one row, alike."""
    doubts = []
    if len(classes) == 1:
        doubts.append(f"there is one class, {classes[0]!r}: nothing to tell apart")
    counts = np.bincount(labels, minlength=len(classes))
    missing = np.flatnonzero(counts == 0).tolist()
    if missing:
        hint = (
            "; labels that begin at 1? subtract 1" if missing == [0] and is_counted(classes) else ""
        )
        doubts.append(f"no row in train is of class {name_some(classes, missing)}{hint}")
    single = np.flatnonzero(counts == 1).tolist()
    if single and counts.sum() >= FEW_ROWS:
        doubts.append(f"one row alone in train is of class {name_some(classes, single)}")
    return doubts + doubt_alike(classes)


def is_counted(classes: Sequence[str]) -> bool:
    """Whether classes have numbers for names."""
    return list(classes) == [str(i) for i in range(len(classes))]


def name_some(classes: Sequence[str], numbers: Sequence[int], most: int = 5) -> str:
    """The first of these classes by name, and how many there are."""
    more = f", ... ({len(numbers)} such)" if len(numbers) > most else ""
    return ", ".join(repr(classes[i]) for i in numbers[:most]) + more
