"""Sets of tensorflow-datasets, told apart by what their rows hold."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from jaxdl.checks import DataError
from jaxdl.data.config import TfdsData
from jaxdl.data.source import ArraySource, Dataset
from jaxdl.data.tfds.decoded import load_tfds
from jaxdl.data.tfds.panoptic import TfdsSegments
from jaxdl.data.tfds.prepared import features_of, open_version, prepared_version
from jaxdl.data.tfds.rows import TfdsBoxes, TfdsCaptions, TfdsClips, TfdsLabels


def open_tfds(cfg: TfdsData) -> Dataset:
    """A prepared set of labeled images, boxes, classes of pixels, captions or clips."""
    version = prepared_version(cfg.name, cfg.dir, download=cfg.download)
    entries = set(features_of(version))
    if cfg.wants_segments():
        return open_segments(cfg, version)
    if "captions" in entries:
        return open_captions(cfg, version)
    if entries & {"objects", "panoptic_objects"}:
        return open_boxes(cfg, version)
    if "video" in entries:
        make = partial(TfdsClips, version, image_size=cfg.size(112), frames=cfg.clip_frames)
        return open_splits(version, make, "label")
    if not {"image", "label"} <= entries:
        open_version(version)  # a damaged folder says so
        raise DataError(
            f"data set {cfg.name!r} has features {sorted(entries)}; image and label, objects, "
            "captions or video are needed"
        )
    return open_labeled(cfg, version)


def open_labeled(cfg: TfdsData, version: Path) -> Dataset:
    """Decoded arrays where images are of one size, else rows at `data.image_size`."""
    if not cfg.image_size:
        tables, classes = load_tfds(cfg.name, version)
        return Dataset({split: ArraySource(arrays) for split, arrays in tables.items()}, classes)
    channels = open_version(version).info.features["image"].shape[-1]
    make = partial(TfdsLabels, version, image_size=cfg.size(0), channels=channels)
    return open_splits(version, make, "label")


def open_boxes(cfg: TfdsData, version: Path) -> Dataset:
    """Pictures with boxes, `data.max_boxes` at most."""
    make = partial(TfdsBoxes, version, image_size=cfg.size(256), most=cfg.max_boxes)
    features = open_version(version).info.features
    objects = next(name for name in ("objects", "panoptic_objects") if name in features)
    return Dataset(splits_of(version, make), tuple(features[objects]["label"].names))


def open_segments(cfg: TfdsData, version: Path) -> Dataset:
    """Pictures with a class for each pixel. Raises DataError where the set has none."""
    features = open_version(version).info.features
    if not {"panoptic_image", "panoptic_objects"} <= set(features):
        raise DataError(
            f"data set {cfg.name!r} has features {sorted(features)}; data.annotations = segments "
            "needs panoptic_image and panoptic_objects, as coco/2017_panoptic has them"
        )
    make = partial(TfdsSegments, version, image_size=cfg.size(256))
    classes = tuple(features["panoptic_objects"]["label"].names)
    return Dataset(splits_of(version, make), classes)


def open_captions(cfg: TfdsData, version: Path) -> Dataset:
    """Pictures with captions, in the words of the training split."""
    make = partial(TfdsCaptions, version, image_size=cfg.size(256), length=cfg.max_length)
    first: Any = make(split="train", least=cfg.min_count)
    splits = splits_of(version, partial(make, vocabulary=first.vocabulary))
    return Dataset(splits, vocabulary=first.vocabulary)


def open_splits(version: Path, make: Callable[..., Any], label: str) -> Dataset:
    """All splits of a folder and the names of its labels."""
    names = open_version(version).info.features[label].names
    return Dataset(splits_of(version, make), tuple(names or ()))


def splits_of(version: Path, make: Callable[..., Any]) -> dict[str, Any]:
    """`make` of every split."""
    return {split: make(split=split) for split in open_version(version).info.splits}
