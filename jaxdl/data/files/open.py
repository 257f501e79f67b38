"""One's own data by kind: folder, clips, csv, npz, coco_json, voc_folder, mask_folder, text,
meshes, ShapeNet, Pix3D, Omniglot."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.class_doubts import note_taken
from jaxdl.data.clips.clip_folder import open_clips
from jaxdl.data.config import (
    ClipsData,
    CocoJsonData,
    CsvData,
    FolderData,
    MaskFolderData,
    MeshesData,
    NpzData,
    OmniglotSmallData,
    OwnData,
    Pix3dData,
    ShapeNetData,
    TextData,
    VocFolderData,
)
from jaxdl.data.files.coco import read_coco
from jaxdl.data.files.coco_captions import CaptionedImages
from jaxdl.data.files.coco_schema import CocoFile
from jaxdl.data.files.folder_splits import find_splits
from jaxdl.data.files.folder_walk import sub_folders
from jaxdl.data.files.image_folder import ImageFolder
from jaxdl.data.files.omniglot import read_omniglot
from jaxdl.data.files.own_path import find_path, own_path
from jaxdl.data.files.text import read_text
from jaxdl.data.files.voc import read_voc
from jaxdl.data.files.voc_lists import voc_splits
from jaxdl.data.files.voc_segmentation import SegmentedImages
from jaxdl.data.masks.coco_segments import SegmentedObjects
from jaxdl.data.masks.mask_folder import open_mask_folder
from jaxdl.data.meshes.mesh_folder import read_mesh_folder
from jaxdl.data.meshes.pix3d import Pix3d
from jaxdl.data.meshes.shapenet import read_shapenet
from jaxdl.data.notes import doubt_alike
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.tables.open import open_csv, open_npz


def open_own(cfg: OwnData) -> Dataset:
    """The data at `cfg.path`."""
    return OPENERS[type(cfg)](cfg)


def open_folder(cfg: FolderData) -> Dataset:
    """One class for each sub-folder, in `train`, `val`, `test` or all in one."""
    layout = find_splits(own_path(cfg))
    size = cfg.size(224)
    train = ImageFolder(layout.folders["train"], image_size=size)
    others = {
        split: ImageFolder(folder, image_size=size, classes=train.classes)
        for split, folder in layout.folders.items()
        if split != "train"
    }
    doubts = list(layout.doubts)
    inner = [path.name for path in sub_folders(train.root / train.classes[0])]
    if len(train.classes) == 1 and len(inner) > 1:
        doubts.append(f"{train.classes[0]} holds {', '.join(inner[:5])}: name it in data.path?")
    return note_taken(Dataset({"train": train, **others}, train.classes), layout.said, doubts)


def open_coco_json(cfg: CocoJsonData) -> Dataset:
    """Boxes with masks or keypoints, a class for each pixel, or captions."""
    file = CocoFile(own_path(cfg))
    images = find_path(cfg.images) if cfg.images else file.path.parent
    kind = cfg.annotations
    if kind == "captions" or (not kind and file.has_captions()):
        make = partial(CaptionedImages, file, images, image_size=cfg.size(256))
        rows = make(length=cfg.max_length, least=cfg.min_count)
        return Dataset({"train": rows}, vocabulary=rows.vocabulary)
    extras: dict[str, Any] = {name: kind == name for name in ("masks", "keypoints")}
    if kind == "segments":
        extras |= {"masks": True, "make": SegmentedObjects}
    boxed = read_coco(file, images, image_size=cfg.size(256), most=cfg.max_boxes, **extras)
    boxed.check_objects()
    boxed.notes.doubts += doubt_alike(boxed.classes)
    return Dataset({"train": boxed}, boxed.classes, skeleton=boxed.skeleton)


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


def open_masks(cfg: MaskFolderData) -> Dataset:
    """Pictures with a class for each pixel, in `train`, `val`, `test` or all in one."""
    cfg.check_masks()
    made = open_mask_folder(
        own_path(cfg),
        image_size=cfg.size(256),
        names=cfg.class_names,
        values=cfg.values,
        ignore=cfg.ignore,
    )
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


def open_meshes(cfg: MeshesData) -> Dataset:
    """Points on the surfaces of meshes, one class for each sub-folder."""
    splits, classes = read_mesh_folder(own_path(cfg), cfg.points)
    return Dataset(splits, classes)


def open_shapenet(cfg: ShapeNetData) -> Dataset:
    """Points on the surfaces of models, one class for each synset."""
    return Dataset(*read_shapenet(own_path(cfg), cfg.points))


def open_pix3d(cfg: Pix3dData) -> Dataset:
    """Photographs with the points of what they show, all of them in train."""
    source = Pix3d(own_path(cfg), points=cfg.points, size=cfg.size(128), frame=cfg.frame)
    return Dataset({"train": source}, source.classes)


def open_omniglot(cfg: OmniglotSmallData) -> Dataset:
    """Characters to train on; one-shot runs to validate and test on."""
    splits, classes = read_omniglot(own_path(cfg), cfg.forms)
    return Dataset({name: ArraySource(rows) for name, rows in splits.items()}, classes)


OPENERS: Mapping[type[OwnData], Callable[[Any], Dataset]] = {
    FolderData: open_folder,
    ClipsData: open_clips,
    CsvData: open_csv,
    NpzData: open_npz,
    MeshesData: open_meshes,
    ShapeNetData: open_shapenet,
    Pix3dData: open_pix3d,
    CocoJsonData: open_coco_json,
    VocFolderData: open_voc_folder,
    MaskFolderData: open_masks,
    TextData: open_text,
    OmniglotSmallData: open_omniglot,
}
