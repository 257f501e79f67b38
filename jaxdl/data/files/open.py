"""One's own data by kind: folder, csv, npz, coco_json, voc_folder, text."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.config import (
    CocoJsonData,
    CsvData,
    FolderData,
    NpzData,
    OwnData,
    TextData,
    VocFolderData,
)
from jaxdl.data.files.coco import read_coco
from jaxdl.data.files.coco_captions import CaptionedImages
from jaxdl.data.files.coco_schema import CocoFile
from jaxdl.data.files.csv_table import read_csv
from jaxdl.data.files.image_folder import ImageFolder, find_splits
from jaxdl.data.files.npz import check_pixels, read_npz
from jaxdl.data.files.own_path import find_path, own_path
from jaxdl.data.files.text import read_text
from jaxdl.data.files.voc import read_voc
from jaxdl.data.files.voc_lists import voc_splits
from jaxdl.data.files.voc_segmentation import SegmentedImages
from jaxdl.data.notes import doubt_alike
from jaxdl.data.source import ArraySource, Dataset


def open_own(cfg: OwnData) -> Dataset:
    """The data at `cfg.path`."""
    return OPENERS[type(cfg)](cfg)


def open_folder(cfg: FolderData) -> Dataset:
    """One class for each sub-folder, in `train`, `val`, `test` or all in one."""
    folders = find_splits(own_path(cfg))
    size = cfg.size(224)
    train = ImageFolder(folders["train"], image_size=size)
    others = {
        split: ImageFolder(folder, image_size=size, classes=train.classes)
        for split, folder in folders.items()
        if split != "train"
    }
    return Dataset({"train": train, **others}, train.classes)


def open_csv(cfg: CsvData) -> Dataset:
    """A table, the label last."""
    table = read_csv(own_path(cfg), label=cfg.label_type)
    return Dataset({"train": ArraySource(table.arrays)}, table.classes)


def open_npz(cfg: NpzData) -> Dataset:
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


def open_coco_json(cfg: CocoJsonData) -> Dataset:
    """Boxes with masks or keypoints, or captions."""
    file = CocoFile(own_path(cfg))
    images = find_path(cfg.images) if cfg.images else file.path.parent
    kind = cfg.annotations
    if kind == "captions" or (not kind and file.has_captions()):
        rows = CaptionedImages(file, images, image_size=cfg.size(256), length=cfg.max_length)
        return Dataset({"train": rows}, vocabulary=rows.vocabulary)
    extras = {name: kind == name for name in ("masks", "keypoints")}
    boxed = read_coco(file, images, image_size=cfg.size(256), most=cfg.max_boxes, **extras)
    boxed.check_objects()
    boxed.notes.doubts += doubt_alike(boxed.classes)
    return Dataset({"train": boxed}, boxed.classes)


def open_voc_folder(cfg: VocFolderData) -> Dataset:
    """The lists of `ImageSets/Main` (of masks and segments: `Segmentation`), or all pictures."""
    made: dict[str, Any] = {}
    splits, segments = voc_splits(own_path(cfg), cfg.annotations), cfg.annotations == "segments"
    for split, (folder, names, notes) in splits.items():
        options: dict[str, Any] = {
            "who": f"{folder.root} {split}",
            "image_size": cfg.size(256),
            "notes": notes,
        }
        if segments:
            made[split] = SegmentedImages(folder, names, **options)
            continue
        options |= {"most": cfg.max_boxes, "masks": cfg.annotations == "masks"}
        options["classes"] = made["train"].classes if made else ()
        made[split] = read_voc(folder, names, **options)
    if not segments:
        made["train"].check_objects()
        made["train"].notes.doubts += doubt_alike(made["train"].classes)
        used = {picture.file for source in made.values() for picture in source.pictures}
        for folder in {id(s.folder): s.folder for s in splits.values()}.values():
            folder.note_unused(used)
    return Dataset(made, made["train"].classes)


def open_text(cfg: TextData) -> Dataset:
    """Windows of `max_length` + 1 characters, `tokens`; the last tenth of the text is the test."""
    text = read_text(own_path(cfg))
    count = (len(text.ids) - 1) // cfg.max_length
    if count < 2:
        raise DataError(f"{cfg.path}: {len(text.ids)} characters are too few for data.max_length")
    starts = np.arange(count)[:, None] * cfg.max_length
    windows = text.ids[starts + np.arange(cfg.max_length + 1)]
    held = max(1, count // 10)
    parts = {"train": windows[:-held], "test": windows[-held:]}
    return Dataset(
        {split: ArraySource({"tokens": rows}) for split, rows in parts.items()},
        vocabulary=text.vocabulary,
    )


OPENERS: Mapping[type[OwnData], Callable[[Any], Dataset]] = {
    FolderData: open_folder,
    CsvData: open_csv,
    NpzData: open_npz,
    CocoJsonData: open_coco_json,
    VocFolderData: open_voc_folder,
    TextData: open_text,
}
