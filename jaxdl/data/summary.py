"""A look at a data set: what its splits hold, in words and as a picture."""

from collections.abc import Mapping

import numpy as np

from jaxdl.checks import one_line
from jaxdl.data.captions import decode_caption
from jaxdl.data.images.draw_objects import draw_objects, object_legend
from jaxdl.data.splits.split import Split
from jaxdl.draw import Figure, class_legend, draw_grid, paint_classes
from jaxdl.typing import Host

SHOWN = 36
CLASSES = 100  # whose counts are printed
LOOKED = 1000  # rows of a streamed split whose values are looked at


def describe(splits: Mapping[str, Split]) -> str:
    """Rows, shapes, dtypes and ranges of every array, and how often each class occurs."""
    lines: list[str] = []
    for role, split in splits.items():
        made = f", {split.synthetic}" if split.synthetic else ""
        lines.append(f"{role}: {split.size} rows ({split.name}){made}")
        lines += [line for note in split.notes if (line := f"  {one_line(note)}") not in lines]
        held = dict(split.resident()) or split.batch(np.arange(min(split.size, LOOKED)))
        if len(next(iter(held.values()))) < split.size:
            lines.append(f"  streamed; ranges are those of the first {LOOKED} rows")
        for name, value in held.items():
            mean = f", mean {_mean(value)}" if value.dtype.kind in "uf" else ""
            low, high = value.min(), value.max()
            lines.append(f"  {name}: {value.dtype} {value.shape[1:]}, {low}..{high}{mean}")
        lines += ["  " + pixel_shares(split, held["segments"])] if "segments" in held else []
        lines += ["  " + line for line in count_parts(split, held)]
        counts = count_classes(split, held)
        named = [
            f"{one_line(c)} {n}" for c, n in zip(split.classes, counts[:CLASSES], strict=False)
        ]
        more = [f"... ({len(counts)} classes)"] if len(counts) > CLASSES else []
        lines += ["  " + ", ".join(named + more)] if len(counts) else []
    return "\n".join(lines)


def pixel_shares(split: Split, segments: Host) -> str:
    """What part of the pixels each class has, the largest first, and what part is void."""
    shares = np.bincount(segments.ravel(), minlength=256) / segments.size
    order = np.argsort(-shares[: len(split.classes)], kind="stable")[:CLASSES]
    named = [f"{one_line(split.classes[i])} {shares[i]:.1%}" for i in order if shares[i]]
    return ", ".join([*named, f"void {shares[255]:.1%}"])


def count_parts(split: Split, held: Mapping[str, Host]) -> list[str]:
    """How many objects have a mask, and which keypoints are labeled how often."""
    lines = []
    if "masks" in held:
        shares = held["masks"][held["kept"]].mean(axis=(1, 2))
        some = f"{(shares > 0).sum()} of {len(shares)} objects have a mask"
        lines.append(
            f"{some}, of {shares[shares > 0].mean() if shares.any() else 0:.1%} of a picture"
        )
    if "visible" in held:
        seen = held["visible"][held["kept"]]
        names = split.skeleton.names if split.skeleton else range(seen.shape[1])
        each = [f"{name} {n}" for name, n in zip(names, seen.sum(axis=0), strict=True)]
        count = f"{seen.any(axis=1).sum()} of {len(seen)} objects have keypoints"
        lines.append(one_line(f"{count}: {', '.join(each)}"))
    return lines


def count_classes(split: Split, held: Mapping[str, Host]) -> Host:
    """How many rows, or objects, each class has; none where there are no classes."""
    label = split.labels if split.labels is not None else held.get("label")
    if "labels" in held:
        label = held["labels"][held["kept"]]
    if label is None or not split.classes:
        return np.zeros(0, np.int64)
    return np.bincount(label, minlength=len(split.classes))


def draw_examples(split: Split, *, title: str = "") -> Figure:
    """The first batch of an epoch, with labels, boxes, masks, segments, captions."""
    numbers = split.indices(0).ravel()[:SHOWN] if split.size >= split.batch_size else None
    batch = split.batch(np.arange(min(split.size, SHOWN)) if numbers is None else numbers)
    if "image" not in batch and "video" not in batch:
        return draw_rows(batch, title=title)
    images = list(batch["image"] if "image" in batch else clip_strip(batch["video"]))
    legend = None
    if "segments" in batch:
        pairs = zip(images, batch["segments"], strict=True)
        images = [paint_classes(image, own) for image, own in pairs]
        legend = class_legend(split.classes, batch["segments"])
    rows = [{name: value[i] for name, value in batch.items()} for i in range(len(images))]
    titles = [row_title(row, split) for row in rows]
    if "boxes" in batch and split.classes:
        legend = object_legend(rows, split.classes)
    figure = draw_grid(images, titles, title=title, legend=legend)
    for axis, row in zip(figure.axes, rows, strict=False):
        if "boxes" in row:
            draw_objects(axis, row, split.classes, split.skeleton)
    return figure


def clip_strip(video: Host) -> Host:
    """The first, middle and last frame of clips `(n, T, H, W, 3)`, side by side."""
    count = video.shape[1]
    return np.concatenate([video[:, i] for i in (0, count // 2, count - 1)], axis=2)


def row_title(row: Mapping[str, Host], split: Split) -> str:
    """The class of a row, or its caption in short lines."""
    caption = row.get("caption", row["captions"][0] if "captions" in row else None)
    if caption is not None and split.vocabulary:
        words = decode_caption(caption, split.vocabulary).split()
        return "\n".join(" ".join(words[i : i + 4]) for i in range(0, min(len(words), 12), 4))
    if "label" not in row:
        return ""
    return split.classes[int(row["label"])] if split.classes else f"{row['label']:.4g}"


def draw_rows(batch: Mapping[str, Host], *, title: str = "") -> Figure:
    """Rows that are no pictures: points of the plane as such, all others as a panel of numbers."""
    name = "point" if "point" in batch else max(batch, key=lambda key: batch[key].ndim)
    values = batch[name].reshape(len(batch[name]), -1)
    figure = Figure(size=(5, 4))
    (axis,) = figure.axes
    if name == "point":
        axis.scatter(*values.T, s=4)
    else:
        axis.imshow(values.astype(np.float32), aspect="auto", interpolation="nearest")
        axis.set(xlabel=name, ylabel="row")
    figure.figure.suptitle(title, fontsize=9)
    return figure


def _mean(value: Host) -> str:
    if value.ndim == 4 and value.shape[-1] in (1, 3) and value.dtype == np.uint8:
        means = value.mean(axis=(0, 1, 2)) / 255
        return " ".join(f"{mean:.4f}" for mean in means) + " of 1"
    return f"{value.mean():.4g}"
