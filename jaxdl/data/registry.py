"""Every data set by name: the one table from a name to what opens it."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.cache import cache_dir
from jaxdl.checks import DataError, UsageError, check_one_of
from jaxdl.data.config import DataConfig
from jaxdl.data.digits import load_digits
from jaxdl.data.files.archive import unpack
from jaxdl.data.files.coco import read_coco
from jaxdl.data.files.coco_captions import CaptionedImages
from jaxdl.data.files.csv_table import read_csv
from jaxdl.data.files.image_folder import ImageFolder, find_splits
from jaxdl.data.files.npz import read_npz
from jaxdl.data.files.text import read_text
from jaxdl.data.files.voc import read_voc
from jaxdl.data.files.voc_segmentation import SegmentedImages
from jaxdl.data.source import ArraySource, Dataset, SubsetSource
from jaxdl.data.synthetic.base import Generated
from jaxdl.data.synthetic.densities import DENSITIES, Points
from jaxdl.data.synthetic.moving_shapes import Moving
from jaxdl.data.synthetic.shapes import MOST, Shapes
from jaxdl.data.synthetic.solids import Solids
from jaxdl.data.synthetic.translation import TASKS, Hello, Language
from jaxdl.data.tfds.decoded import load_tfds, prepared_version
from jaxdl.data.tfds.rows import (
    TfdsBoxes,
    TfdsCaptions,
    TfdsClips,
    TfdsLabels,
    features_of,
    open_version,
)
from jaxdl.typing import Host

Fields = tuple[str, ...]
MADE = 10_000  # training rows of a synthetic set
PACKED = (".tar", ".tar.gz", ".tgz", ".zip")


def open_dataset(cfg: DataConfig, fields: Fields = ()) -> Dataset:
    """The set that `cfg` names. `fields`: what an experiment needs of a row (default: all)."""
    if cfg.name in OWN:
        if not cfg.path:
            raise UsageError(f"data.name = {cfg.name} needs data.path, where your own data is")
        return OWN[cfg.name](cfg)
    if cfg.path:
        raise UsageError(f"data.path belongs to {', '.join(OWN)}, not to {cfg.name!r}")
    if cfg.objects and cfg.name != "shapes":
        raise UsageError(f"data.objects belongs to shapes, not to {cfg.name!r}")
    if cfg.name in SYNTHETIC:
        most = {"most": cfg.objects} if cfg.objects else {}
        return make_set(cfg, partial(SYNTHETIC[cfg.name], fields, **most))
    return open_digits() if cfg.name == "digits" else open_tfds(cfg)


def open_digits() -> Dataset:
    """See `load_digits`."""
    tables, classes = load_digits()
    return Dataset({split: ArraySource(arrays) for split, arrays in tables.items()}, classes)


# Sets of tensorflow-datasets, told apart by what their rows hold.


def open_tfds(cfg: DataConfig) -> Dataset:
    """A prepared set of labeled images, boxes, captions or clips."""
    version = prepared_version(cfg.name, cfg.dir, download=cfg.download)
    entries = set(features_of(version))
    if "captions" in entries:
        return open_captions(cfg, version)
    if entries & {"objects", "panoptic_objects"}:
        return open_boxes(cfg, version)
    if "video" in entries:
        make = partial(TfdsClips, version, image_size=cfg.size(112), frames=cfg.frames)
        return open_splits(version, make, "label")
    if not {"image", "label"} <= entries:
        open_version(version)  # a damaged folder says so
        raise DataError(
            f"data set {cfg.name!r} has features {sorted(entries)}; image and label, objects, "
            "captions or video are needed"
        )
    return open_labeled(cfg, version)


def open_labeled(cfg: DataConfig, version: Path) -> Dataset:
    """Decoded arrays where images are of one size, else rows at `data.image_size`."""
    if not cfg.image_size:
        tables, classes = load_tfds(cfg.name, version)
        return Dataset({split: ArraySource(arrays) for split, arrays in tables.items()}, classes)
    channels = open_version(version).info.features["image"].shape[-1]
    make = partial(TfdsLabels, version, image_size=cfg.size(0), channels=channels)
    return open_splits(version, make, "label")


def open_boxes(cfg: DataConfig, version: Path) -> Dataset:
    """Pictures with boxes, `data.boxes` at most."""
    make = partial(TfdsBoxes, version, image_size=cfg.size(256), most=cfg.boxes)
    features = open_version(version).info.features
    objects = next(name for name in ("objects", "panoptic_objects") if name in features)
    return Dataset(splits_of(version, make), tuple(features[objects]["label"].names))


def open_captions(cfg: DataConfig, version: Path) -> Dataset:
    """Pictures with captions, in the words of the training split."""
    make = partial(TfdsCaptions, version, image_size=cfg.size(256), length=cfg.length)
    first: Any = make(split="train")
    splits = splits_of(version, partial(make, vocabulary=first.vocabulary))
    return Dataset(splits, vocabulary=first.vocabulary)


def open_splits(version: Path, make: Callable[..., Any], label: str) -> Dataset:
    """All splits of a folder and the names of its labels."""
    names = open_version(version).info.features[label].names
    return Dataset(splits_of(version, make), tuple(names or ()))


def splits_of(version: Path, make: Callable[..., Any]) -> dict[str, Any]:
    """`make` of every split."""
    return {split: make(split=split) for split in open_version(version).info.splits}


# One's own data.


def own_path(cfg: DataConfig) -> Path:
    """`data.path`, below `JAXDL_DATA_DIR` if it is not here; an archive is unpacked once."""
    found = find_path(cfg.path)
    if not found.name.endswith(PACKED) or found.is_dir():
        return found
    state = found.stat()
    target = cache_dir() / "unpacked" / f"{found.stem}-{state.st_size}-{state.st_mtime_ns}"
    folder = target if target.exists() else unpack(found, target)
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def find_path(text: str) -> Path:
    """The path as it is, else below `JAXDL_DATA_DIR`."""
    places = [Path(text).expanduser()]
    if os.environ.get("JAXDL_DATA_DIR"):
        places.append(Path(os.environ["JAXDL_DATA_DIR"]).expanduser() / text)
    for place in places:
        if "\0" not in text and place.exists():
            return place
    raise DataError(f"data.path: there is no {' and no '.join(map(str, places))}")


def open_folder(cfg: DataConfig) -> Dataset:
    """A class a sub-folder, in `train`, `val`, `test` or all in one."""
    folders = find_splits(own_path(cfg))
    size = cfg.size(224)
    train = ImageFolder(folders["train"], image_size=size)
    others = {
        split: ImageFolder(folder, image_size=size, classes=train.classes)
        for split, folder in folders.items()
        if split != "train"
    }
    return Dataset({"train": train, **others}, train.classes)


def open_csv(cfg: DataConfig) -> Dataset:
    """A table, the label last."""
    table = read_csv(own_path(cfg), label=cfg.label)
    return Dataset({"train": ArraySource(table.arrays)}, table.classes)


def open_npz(cfg: DataConfig) -> Dataset:
    """Arrays `image` and `label`, or the layout of Keras."""
    path = own_path(cfg)
    tables = read_npz(path)
    for split, arrays in tables.items():
        if "image" in arrays:
            check_pixels(f"{path}, {split}", arrays["image"])
    labels = [t["label"] for t in tables.values() if "label" in t and t["label"].dtype == np.int32]
    count = max((int(label.max(initial=-1)) + 1 for label in labels), default=0)
    splits = {split: ArraySource(arrays, str(path)) for split, arrays in tables.items()}
    return Dataset(splits, tuple(map(str, range(count))))


def open_coco_json(cfg: DataConfig) -> Dataset:
    """Boxes with masks or keypoints, or captions."""
    file = own_path(cfg)
    images = find_path(cfg.images) if cfg.images else file.parent
    kind = wanted(cfg, "boxes", "masks", "keypoints", "captions")
    if kind == "captions" or (not cfg.annotations and b'"caption"' in file.read_bytes()):
        rows = CaptionedImages(file, images, image_size=cfg.size(256), length=cfg.length)
        return Dataset({"train": rows}, vocabulary=rows.vocabulary)
    extras = {name: kind == name for name in ("masks", "keypoints")}
    boxed = read_coco(file, images, image_size=cfg.size(256), most=cfg.boxes, **extras)
    return Dataset({"train": boxed}, boxed.classes)


def open_voc_folder(cfg: DataConfig) -> Dataset:
    """The lists of `ImageSets/Main` (of masks and segments: `Segmentation`), or all pictures."""
    root = own_path(cfg)
    kind = wanted(cfg, "boxes", "masks", "segments")
    lists = root / "ImageSets" / ("Main" if kind == "boxes" else "Segmentation")
    splits = {s: s for s in ("train", "val", "test") if (lists / f"{s}.txt").is_file()}
    splits = splits if "train" in splits else {"train": ""}
    if kind == "segments":
        made = {
            split: SegmentedImages(root, name, image_size=cfg.size(256))
            for split, name in splits.items()
        }
        return Dataset(made, made["train"].classes)
    options = {"image_size": cfg.size(256), "most": cfg.boxes, "masks": kind == "masks"}
    train = read_voc(root, splits.pop("train"), **options)
    others = {
        split: read_voc(root, name, classes=train.classes, **options)
        for split, name in splits.items()
    }
    return Dataset({"train": train, **others}, train.classes)


def wanted(cfg: DataConfig, *kinds: str) -> str:
    """`data.annotations`, the first of `kinds` where the config does not say."""
    check_one_of(f"data.annotations of {cfg.name}", cfg.annotations or kinds[0], kinds)
    return cfg.annotations or kinds[0]


def open_text(cfg: DataConfig) -> Dataset:
    """Windows of `data.length` + 1 characters, `tokens`; the last tenth of the text is the test."""
    text = read_text(own_path(cfg))
    count = (len(text.ids) - 1) // cfg.length
    if count < 2:
        raise DataError(f"{cfg.path}: {len(text.ids)} characters are too few for data.length")
    starts = np.arange(count)[:, None] * cfg.length
    windows = text.ids[starts + np.arange(cfg.length + 1)]
    held = max(1, count // 10)
    parts = {"train": windows[:-held], "test": windows[-held:]}
    return Dataset(
        {split: ArraySource({"tokens": rows}) for split, rows in parts.items()},
        vocabulary=text.vocabulary,
    )


def check_pixels(who: str, image: Host) -> None:
    """Raises DataError unless images are uint8 `(N, H, W, C)`, with what they look like."""
    if image.ndim != 4:
        raise DataError(f"{who}: image must be (N, H, W, C), got shape {image.shape}")
    if image.shape[-1] not in (1, 3, 4):
        chw = image.shape[1] in (1, 3, 4)
        hint = "; it looks like CHW: transpose(0, 2, 3, 1)" if chw else ""
        raise DataError(f"{who}: image must have 1, 3 or 4 channels last, got {image.shape}{hint}")
    if image.dtype != np.uint8:
        low, top = (float(image.min()), float(image.max())) if image.size else (0.0, 0.0)
        hint = "multiply by 255 and" if top <= 1 else "they lie in 0..255:" if top <= 255 else ""
        hint = "they are normalized already; undo that," if low < 0 else hint
        raise DataError(
            f"{who}: pixels must be uint8 (0..255), got {image.dtype} in {low:.3g}..{top:.3g}; "
            f"{hint} use astype('uint8')"
        )


# Sets with known answers, made from their seed.


def make_set(cfg: DataConfig, make: Callable[[int, tuple[int, ...]], Generated]) -> Dataset:
    """A training split of `data.rows`, and a test split of a fifth as many other rows."""
    train = cfg.rows or MADE
    made = make(train + max(1, train // 5), cfg.image_size)
    rows = np.arange(len(made))
    splits = {"train": SubsetSource(made, rows[:train]), "test": SubsetSource(made, rows[train:])}
    words = getattr(made, "vocabulary", ())
    return Dataset(splits, tuple(made.classes), tuple(words), made.description)


def _options(fields: Fields, size: tuple[int, ...], pair: bool = True) -> dict[str, Any]:
    options: dict[str, Any] = {"fields": fields} if fields else {}
    if size:
        options["image_size"] = (size[0], size[-1]) if pair else size[0]
    return options


SYNTHETIC: Mapping[str, Callable[..., Generated]] = {
    "shapes": lambda fields, rows, size, most=MOST: Shapes(
        rows, objects=(1, most), **_options(fields, size)
    ),
    "moving": lambda fields, rows, size: Moving(rows, **_options(fields, size)),
    "solids": lambda fields, rows, size: Solids(rows, **_options(fields, size, pair=False)),
    "hello": lambda fields, rows, size: Hello(rows, 0),
    **{task: lambda f, rows, s, task=task: Language(task, rows) for task in TASKS},
    **{name: lambda f, rows, s, name=name: Points(name, rows) for name in DENSITIES},
}
OWN: Mapping[str, Callable[[DataConfig], Dataset]] = {
    "folder": open_folder,
    "csv": open_csv,
    "npz": open_npz,
    "coco_json": open_coco_json,
    "voc_folder": open_voc_folder,
    "text": open_text,
}
OTHERS = ("digits", *OWN, *SYNTHETIC)
