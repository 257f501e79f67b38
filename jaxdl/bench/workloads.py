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
        size = (rows, *work.shape[:2]) if work.dense else (rows,)
        return {"image": image, "label": rng.integers(0, CLASSES, size).astype(np.int32)}
    size = (rows, work.shape[0] + 1)
    source, target = rng.integers(1, VOCABULARY, (2, *size)).astype(np.int32)
    return {"source": source[:, 1:], "target": target}
