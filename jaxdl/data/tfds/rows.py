"""Sets of tensorflow-datasets whose rows are not one size: boxes, captions, clips, pictures.

Read row by row from their prepared folder, without TensorFlow and without the builder's code.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.box_checks import NO_AREA, BoxCheck, box_fault, clip_boxes, pad_objects
from jaxdl.data.captions import build_vocabulary, encode_captions, split_words
from jaxdl.data.images.decode import decode_image
from jaxdl.data.images.letterbox import letterbox, letterbox_scale, resize_and_center_crop
from jaxdl.data.source import Source
from jaxdl.data.tfds.prepared import open_version
from jaxdl.typing import Host

OBJECTS = ("objects", "panoptic_objects")


def stored_rows(builder: Any, split: str) -> Any:
    """The rows of a prepared split as they are stored, images as the bytes of their files."""
    import tensorflow_datasets as tfds

    skip = tfds.decode.SkipDecoding()
    decoders: Any = {"image": skip} if "image" in builder.info.features else None
    return builder.as_data_source(split, decoders=decoders)


class PreparedRows(Source):
    """One split of a prepared folder; images come as the bytes of their files.

    It opens its files when a row is asked for, so that it can be sent to worker processes.
    """

    def __init__(self, version: Path, split: str):
        self.version, self.split = version, split
        self.source: Any = None
        self.size = int(open_version(version).info.splits[split].num_examples)

    def __len__(self) -> int:
        return self.size

    def raw(self, index: int) -> Mapping[str, Any]:
        """The row as it is stored."""
        if self.source is None:
            source = stored_rows(open_version(self.version), self.split)
            if len(source) != self.size:
                raise DataError(
                    f"{self.version}, {self.split}: {len(source)} of {self.size} rows can be read"
                )
            self.source = source
        return self.source[index]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"source": None}


class TfdsLabels(PreparedRows):
    """`image` `(*image_size, C)` uint8, resized to cover it and cut in the middle; `label` int32.

    For sets whose images differ in size, or are wanted at another.
    """

    def __init__(self, version: Path, split: str, *, image_size: tuple[int, int], channels: int):
        super().__init__(version, split)
        self.image_size, self.channels = image_size, channels

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.raw(index)
        image = decode_image(row["image"], channels=self.channels)
        return {
            "image": resize_and_center_crop(image, self.image_size),
            "label": np.int32(row["label"]),
        }


class TfdsBoxes(PreparedRows):
    """Pictures with N objects at most, of coco, voc and the like. A row:

    `image` `(*image_size, 3)` uint8, upper left; `boxes` `(N, 4)` float32, x1, y1, x2, y2 in its
    pixels; `labels` `(N,)` int32; `difficult` `(N,)` bool, a crowd or hard; `crowd` `(N,)` bool;
    `areas` `(N,)` float32, as annotated, in pixels of the stored picture, -1 where they are not;
    `kept` `(N,)` bool, False is padding; `scale` `(2,)` float32. Unusable boxes are dropped and
    stand in `check`.
    """

    def __init__(self, version: Path, split: str, *, image_size: tuple[int, int], most: int):
        super().__init__(version, split)
        self.image_size, self.most = image_size, most
        self.check = BoxCheck(f"{version.parent.name}/{split}")

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.raw(index)
        image = decode_image(row["image"])
        shape = (image.shape[0], image.shape[1])
        boxes, objects = absolute_boxes(row, shape)
        good = self.check.good(str(index), boxes, shape)
        scale = letterbox_scale(shape, self.image_size)
        boxes = (clip_boxes(boxes, shape) * np.tile(scale, 2)).astype(np.float32)
        made = pad_objects(
            {"boxes": boxes[good]} | {k: v[good] for k, v in objects.items()}, self.most
        )
        return {"image": letterbox(image, self.image_size), "scale": scale, **made}

    def faults(self, index: int) -> list[str]:
        """What is wrong with a row, beyond what stops it from being read."""
        row = self.raw(index)
        image = decode_image(row["image"])
        shape = (image.shape[0], image.shape[1])
        boxes, _ = absolute_boxes(row, shape)
        named = ((np.round(box, 2).tolist(), box_fault(box, shape)) for box in boxes)
        return [f"box {i} {box} {why}" for i, (box, why) in enumerate(named) if why]


class TfdsCaptions(PreparedRows):
    """`image` `(*image_size, 3)` uint8; `captions` `(C, L)` int32; `kept` `(C,)` bool."""

    def __init__(
        self,
        version: Path,
        split: str,
        *,
        image_size: tuple[int, int],
        length: int,
        vocabulary: tuple[str, ...] = (),
        least: int = 1,
        most: int = 5,
    ):
        """A word that occurs less than `least` times is <UNK>, unless `vocabulary` is given."""
        super().__init__(version, split)
        self.image_size, self.length, self.most = image_size, length, most
        everything = (text for i in range(0 if vocabulary else self.size) for text in self.texts(i))
        self.vocabulary = vocabulary or build_vocabulary(everything, least=least)

    def texts(self, index: int) -> list[str]:
        """The captions of a row."""
        texts = self.raw(index)["captions"]["text"]
        return [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in texts]

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids, _ = encode_captions(self.texts(index)[: self.most], self.vocabulary, self.length)
        captions = np.zeros((self.most, self.length), np.int32)
        captions[: len(ids)] = ids
        image = decode_image(self.raw(index)["image"])
        return {
            "image": letterbox(image, self.image_size),
            "captions": captions,
            "kept": np.arange(self.most) < len(ids),
        }

    def faults(self, index: int) -> list[str]:
        """What is wrong with a row, beyond what stops it from being read."""
        texts = self.texts(index)
        beyond = enumerate(texts[self.most :], self.most)  # the others are in the row
        empty = [f"caption {i} is empty" for i, text in beyond if not split_words(text)]
        return empty if texts else ["it has no caption"]


class TfdsClips(PreparedRows):
    """`video` `(T, *image_size, 3)` uint8, frames evenly spaced over the clip; `label` int32."""

    def __init__(self, version: Path, split: str, *, image_size: tuple[int, int], frames: int):
        super().__init__(version, split)
        self.image_size, self.frames = image_size, frames

    def __getitem__(self, index: int) -> dict[str, Any]:
        row = self.raw(index)
        every = list(row["video"])
        if not every:
            raise DataError("the clip has no frames")
        middles = (np.arange(self.frames) + 0.5) * len(every) / self.frames
        chosen = [
            resize_and_center_crop(np.asarray(every[int(i)], np.uint8), self.image_size)
            for i in middles
        ]
        return {"video": np.stack(chosen), "label": np.int32(row["label"])}


def absolute_boxes(row: Mapping[str, Any], shape: tuple[int, int]) -> tuple[Host, dict[str, Host]]:
    """Boxes `(n, 4)` x1, y1, x2, y2 in pixels of a row of tensorflow-datasets, and what each has.

    There they are fractions, ymin, xmin, ymax, xmax.
    """
    objects = next(row[name] for name in OBJECTS if name in row)
    boxes = np.array(list(objects["bbox"]), np.float32).reshape(-1, 4)[:, [1, 0, 3, 2]]
    crowd = np.array(list(objects.get("is_crowd", np.zeros(len(boxes)))), bool)
    hard = np.array(list(objects.get("is_difficult", np.zeros(len(boxes)))), bool)
    areas = objects.get("area", np.full(len(boxes), NO_AREA))
    height, width = shape
    return boxes * np.array([width, height, width, height], np.float32), {
        "labels": np.array(list(objects["label"]), np.int32),
        "difficult": hard | crowd,
        "crowd": crowd,
        "areas": np.array(list(areas), np.float32),
    }
