"""The work that `jaxdl bench` times on both sides: its rows, drawn without jax and torch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxdl.typing import Host

CLASSES, VOCABULARY, NOISE = 10, 65, 96
BATCHES = 4  # different ones, taken in turn
CONVNET = {"filters": (16, 32, 64), "pools": (1, 2, 3), "batch_norm": True}  # of simclr, clip
PROJECTOR = (128, 64)
# of clip, whose space is as wide
TEXT: dict[str, Any] = {"width": 64, "depth": 1, "heads": 4, "hidden": 128}
C3D: dict[str, Any] = {"stages": (1, 1, 2), "features": (8, 16, 32), "hidden": (64,)}
UNET = {"widths": (16, 32, 64), "up": "bilinear"}
# of faster_rcnn and mask_rcnn: a pyramid on three stages of a thin ResNet, and one level more
REGION_SIDES = ((12.0,), (24.0,), (48.0,), (96.0,))  # of anchors
REGION_RATIOS = (0.5, 1.0, 2.0)
REGIONS: dict[str, Any] = {"blocks": (1, 1, 1), "features": 64, "hidden": 256}
PROPOSALS, SAMPLES, MASK_CONVS = (200, 100), (64, 32), (32, 32)
RATE = 1e-3  # on noise a larger one lets a net without activations diverge


@dataclass(frozen=True)
class Workload:
    """One training step; `shape` is that of an image or a clip, or `(T,)` of a row of tokens."""

    title: str
    batch: int
    shape: tuple[int, ...]
    steps: int
    """A round."""
    forms: tuple[str, ...] = ("eager", "compile")
    """Of the torch side, the fastest of which counts."""
    words: int = 0
    """Of an image's text."""
    dense: bool = False
    """Whether each pixel has a label."""
    objects: int = 0
    """Of an image, each with a box and a mask."""

    @property
    def is_text(self) -> bool:
        """Whether a row is of tokens."""
        return len(self.shape) == 1


CONVOLUTIONAL = ("eager", "channels_last", "compile")
WORKLOADS = {
    "mlp": Workload("MLP 784-256-10", 256, (28, 28, 1), 200),
    "lenet": Workload("LeNet", 64, (28, 28, 1), 20, CONVOLUTIONAL),
    "cifar_convnet": Workload("convnet 32-32-64, 5x5", 128, (32, 32, 3), 8, CONVOLUTIONAL),
    "preact_resnet20": Workload("PreAct ResNet-20", 128, (32, 32, 3), 3, CONVOLUTIONAL),
    "lstm": Workload("LSTM 2 x 256, 64 tokens", 64, (64,), 5),
    "transformer": Workload("Transformer 2 + 2, width 128, 32 tokens", 64, (32,), 10),
    "vit": Workload("ViT 6 x 192, 64 tokens", 64, (32, 32, 3), 3),
    "simclr": Workload("SimCLR, convnet 16-32-64", 128, (28, 28, 1), 5, CONVOLUTIONAL),
    "clip": Workload("CLIP, convnet, 8 words", 128, (32, 32, 3), 5, CONVOLUTIONAL, words=8),
    "unet": Workload("U-Net 16-32-64, 64x64", 16, (64, 64, 3), 5, CONVOLUTIONAL, dense=True),
    "c3d": Workload("C3D 8-16-32, clips of 8x32x32", 16, (8, 32, 32, 3), 3),
    "faster_rcnn": Workload(
        "Faster R-CNN, FPN of 64, 96x96, 4 boxes", 4, (96, 96, 3), 3, ("eager",), objects=4
    ),
    "mask_rcnn": Workload(
        "Mask R-CNN, FPN of 64, 96x96, 4 masks", 4, (96, 96, 3), 3, ("eager",), objects=4
    ),
    "dcgan": Workload("DCGAN 28x28, D and G step", 64, (28, 28, 1), 5, CONVOLUTIONAL),
}


def draw_rows(work: Workload) -> dict[str, Host]:
    """`image` and `label` or `text`, or `source` and `target` tokens, for `BATCHES` batches."""
    rng = np.random.default_rng(0)
    rows = BATCHES * work.batch
    if not work.is_text:
        image = rng.normal(size=(rows, *work.shape)).astype(np.float32)
        if work.words:
            text = rng.integers(1, VOCABULARY, (rows, work.words)).astype(np.int32)
            return {"image": image, "text": text}
        if work.objects:
            return {"image": image, **draw_objects(rng, work, rows)}
        size = (rows, *work.shape[:2]) if work.dense else (rows,)
        return {"image": image, "label": rng.integers(0, CLASSES, size).astype(np.int32)}
    size = (rows, work.shape[0] + 1)
    source, target = rng.integers(1, VOCABULARY, (2, *size)).astype(np.int32)
    return {"source": source[:, 1:], "target": target}


def draw_objects(rng: np.random.Generator, work: Workload, rows: int) -> dict[str, Host]:
    """Boxes of a sixth to a half of the sides, all of whose pixels are the object's; all `kept`."""
    height, width = work.shape[:2]
    size = np.array([width, height])
    sides = rng.uniform(1 / 6, 1 / 2, (rows, work.objects, 2)) * size
    low = rng.uniform(0, 1, sides.shape) * (size - sides)
    boxes = np.concatenate([low, low + sides], axis=-1).astype(np.float32)
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width)[None] + 0.5
    x1, y1, x2, y2 = np.moveaxis(boxes, -1, 0)[..., None, None]
    return {
        "boxes": boxes,
        "labels": rng.integers(0, CLASSES, boxes.shape[:2]).astype(np.int32),
        "kept": np.ones(boxes.shape[:2], bool),
        "masks": (x > x1) & (x < x2) & (y > y1) & (y < y2),
    }
