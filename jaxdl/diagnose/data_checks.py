"""What can be said of a training split before anything is trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl.data.splits.split import Split, permutation
from jaxdl.diagnose.verdict import Verdict, judge, unknown
from jaxdl.typing import Batch, Host

ROWS = 2000  # that are looked at, of a larger set
HASHED = 100_000
SIDE = 16  # pixels on a side, at most, that the simple learner sees
NEIGHBORS, FOLDS = 5, 3
INPUTS = ("image", "input", "video", "points")


def check_data(split: Split, test: Split | None, prepared: Batch) -> list[Verdict]:
    """Verdicts on a split; `prepared` is a batch of it as the model sees it."""
    rows = split.batch(sample(split, ROWS))
    name = next((name for name in INPUTS if name in rows), None)
    if name is None:
        return [unknown("data", f"rows hold {', '.join(rows)}; there is no input that is known")]
    return [
        value_range(np.asarray(rows[name])),
        normalization(seen_by_model(prepared, name)),
        *look_at_labels(split, rows, name),
        duplicates(split, test, name),
    ]


def seen_by_model(prepared: Batch, name: str) -> Any:
    """What `prepare` has made of the rows' `name`; None where it has no name that is known."""
    inputs = prepared.get("inputs")
    tables = prepared, inputs if isinstance(inputs, Mapping) else {"image": inputs}
    return next((t[key] for t in tables for key in (name, "image") if t.get(key) is not None), None)


def sample(split: Split, most: int) -> Host:
    """Up to `most` row numbers, at random but always the same ones, in order."""
    return np.sort(permutation(split.size, 0, 2**32 + 2)[:most])


def value_range(values: Host) -> Verdict:
    """Raw numbers: they must differ, be finite, and fill the range of their type."""
    low, high = float(values.min()), float(values.max())
    words = f"{values.dtype} in {low:.4g}..{high:.4g}"
    if not np.isfinite(values).all() or low == high:
        return Verdict("value range", "fail", words + ": no information, or not finite")
    if values.dtype == np.uint8 and high < 16:
        return Verdict("value range", "fail", words + ": 0..255 is expected; scaled already?")
    if values.dtype == np.uint8 and high - low < 128:
        return Verdict("value range", "warn", words + ": half of 0..255 is not used")
    return Verdict("value range", "pass", words)


def normalization(values: Any) -> Verdict:
    """What the model sees should have a mean near 0 and a deviation near 1."""
    if not hasattr(values, "dtype"):
        return unknown("normalization", "what the model sees has no name that is known")
    values = np.asarray(values)
    mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    words = f"the model's input has mean {mean:.3g}, deviation {std:.3g}"
    off = max(abs(mean), std, 0.25 / max(std, 1e-12))
    hint = "; set image.mean and image.std (of a table: data.standardize)" if off > 5 else ""
    return judge("normalization", off, words + hint, good=(0, 2.5), bad=(0, 5))


def look_at_labels(split: Split, rows: Batch, name: str) -> list[Verdict]:
    """Balance of the classes, and whether a simple learner finds labels in the inputs."""
    labels = split.labels if split.labels is not None else rows.get("label")
    if labels is None or not np.issubdtype(np.asarray(labels).dtype, np.integer):
        return [unknown("class balance", "rows have no class"), unknown("labels", "no class")]
    labels = np.asarray(labels)
    counts = np.bincount(labels.ravel(), minlength=len(split.classes))
    return [class_balance(counts), knn_baseline(np.asarray(rows[name]), np.asarray(rows["label"]))]


def class_balance(counts: Host) -> Verdict:
    """Rows of the most frequent class over those of the rarest, `counts` `(K,)`."""
    missing = np.flatnonzero(counts == 0)
    if len(missing):
        return Verdict(
            "class balance", "fail", f"class {missing[0]} has no row ({len(missing)} such)"
        )
    ratio = counts.max() / counts.min()
    words = f"{counts.min()} to {counts.max()} rows per class"
    return judge("class balance", ratio, words, good=(1, 5), bad=(1, 1000))


def knn_baseline(inputs: Host, labels: Host) -> Verdict:
    """Cross-validated nearest neighbors against chance: as often right if labels meant nothing.

    That is sum_k P(named k) P(label k), as in Cohen's kappa (1960); what always naming the most
    frequent class gets is more, where classes are not balanced. No better than chance by three
    standard deviations: labels do not belong to their inputs, or the task is too hard for a simple
    learner; with few rows nobody can tell.
    """
    named = neighbors_votes(coarse(inputs), labels)
    right = float((named == labels).mean())
    shares = [np.bincount(x, minlength=labels.max() + 1) / len(labels) for x in (named, labels)]
    chance = float(shares[0] @ shares[1])
    needed = chance + 3 * np.sqrt(chance * (1 - chance) / len(labels))
    words = f"{NEIGHBORS} nearest neighbors get {right:.1%}, chance is {chance:.1%}"
    if right > needed:
        return Verdict("labels", "pass", words)
    if len(labels) < 500:
        return Verdict("labels", "warn", words + f"; {len(labels)} rows are too few to tell")
    return Verdict("labels", "fail", words + ": do labels belong to their rows? shuffled?")


def coarse(inputs: Host) -> Host:
    """Rows of numbers `(N, D)`: images averaged down to at most 16 x 16, others flattened."""
    x = inputs.astype(np.float32)
    if x.ndim == 4:
        step = max(1, -(-max(x.shape[1:3]) // SIDE))
        height, width = (n // step * step for n in x.shape[1:3])
        x = x[:, :height, :width].reshape(len(x), height // step, step, width // step, step, -1)
        return x.mean(axis=(2, 4)).reshape(len(x), -1)
    x = x.reshape(len(x), -1)
    return (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6)  # columns of a table have units


def neighbors_votes(x: Host, labels: Host) -> Host:
    """The class `(N,)` that the nearest rows vote for, of the folds that a row is not in."""
    fold = np.arange(len(x)) % FOLDS
    square = (x**2).sum(axis=1)
    named = np.zeros(len(x), np.int64)
    for k in range(FOLDS):
        rest, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        distance = square[rest][None] - 2 * x[held] @ x[rest].T
        near = np.argpartition(distance, NEIGHBORS, axis=1)[:, :NEIGHBORS]
        votes = labels[rest][near]
        counts = np.stack([(votes == c).sum(axis=1) for c in range(labels.max() + 1)], axis=1)
        named[held] = counts.argmax(axis=1)
    return named


def duplicates(split: Split, test: Split | None, name: str) -> Verdict:
    """Equal rows in train, equal rows of other labels, and rows of the test that are in train."""
    seen, twice, torn = {}, 0, 0
    for digest, label in hashes(split, name):
        if digest in seen:
            twice += 1
            torn += label != seen[digest]
        seen.setdefault(digest, label)
    count = min(split.size, limit_of(split))
    shares = {"twice": twice / count, "of two labels": torn / count}
    if test is not None:
        found = [digest in seen for digest, _ in hashes(test, name)]
        shares["of the test in train"] = sum(found) / len(found)
    words = ", ".join(f"{share:.2%} {what}" for what, share in shares.items())
    return judge("equal rows", max(shares.values()), words, good=(0, 0.01), bad=(0, 0.2))


def hashes(split: Split, name: str) -> list[tuple[int, int]]:
    """(hash of the input, label) of the rows of a split; of a streamed one, of some."""
    numbers = sample(split, limit_of(split))
    found = []
    for start in range(0, len(numbers), 1000):
        rows = split.batch(numbers[start : start + 1000])
        labels = np.asarray(rows.get("label", np.zeros(len(rows[name]))))
        found += [(hash(r.tobytes()), int(y)) for r, y in zip(rows[name], labels, strict=True)]
    return found


def limit_of(split: Split) -> int:
    """How many rows are compared: reading a streamed one takes long."""
    return HASHED if split.most_steps is None else ROWS
