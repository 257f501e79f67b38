"""Random predictions on three levels for our detectors and torchvision's, of two pictures."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.detection.detector import DetectConfig, postprocess

SIZE, GRIDS, CLASSES = (64, 96), ((8, 12), (4, 6), (2, 3)), 3
RNG = np.random.default_rng(0)
LOW = RNG.uniform(0, 40, (2, 6, 2))
BOXES = np.concatenate([LOW, LOW + RNG.uniform(6, 24, (2, 6, 2))], -1).astype(np.float32)
BOXES[0, 0] = [8, 8, 60, 62]  # of a coarse level
KEPT = np.arange(6)[None] < np.array([[5], [0]])  # the second has no object
BOXES[~KEPT] = 0
LABELS = np.where(KEPT, RNG.integers(0, CLASSES, (2, 6)), 0)
BATCH = {
    "image": jnp.zeros((2, *SIZE, 3)),
    "boxes": jnp.asarray(BOXES),
    "labels": jnp.asarray(LABELS, jnp.int32),
    "kept": jnp.asarray(KEPT),
}


def predictions(seed: int, *inner: tuple[int, ...], scale: float = 1.0) -> list[np.ndarray]:
    """`(2, H_l, W_l, *inner[l])` of each level; one `inner` is that of all."""
    rng = np.random.default_rng(seed)
    shapes = inner * len(GRIDS) if len(inner) == 1 else inner
    return [
        rng.normal(0, scale, (2, *grid, *shape)).astype(np.float32)
        for grid, shape in zip(GRIDS, shapes, strict=True)
    ]


def flat(levels: list[np.ndarray], row: int) -> Any:
    """One row of predictions as torchvision has it: `(1, N, D)`."""
    import torch

    return torch.tensor(np.concatenate([x[row].reshape(-1, x.shape[-1]) for x in levels])[None])


def by_level(levels: list[np.ndarray], row: int) -> list[Any]:
    """The same, level by level."""
    return [flat([x], row) for x in levels]


def targets(row: int, first: int = 0) -> list[dict[str, Any]]:
    """The objects of a picture; `first` is the number of the first class."""
    import torch

    kept = KEPT[row]
    labels = torch.tensor(LABELS[row][kept] + first)
    return [{"boxes": torch.tensor(BOXES[row][kept]), "labels": labels}]


def stub() -> Any:
    """A backbone that is never called."""
    import torch

    backbone = torch.nn.Module()
    backbone.out_channels = 32  # pyright: ignore
    return backbone


def split_anchors(anchors: Any, counts: list[int]) -> list[list[Any]]:
    """Theirs in levels, of one picture."""
    return [list(anchors.split(counts))]


def check_detections(found: Any, want: Any, row: int, first: int = 0) -> None:
    """Boxes, scores and labels of a picture are theirs."""
    count = int(found.valid[row].sum())
    assert count == len(want["scores"]) > 5
    np.testing.assert_allclose(found.scores[row, :count], want["scores"], rtol=1e-4)
    np.testing.assert_array_equal(found.labels[row, :count] + first, want["labels"])
    np.testing.assert_allclose(found.boxes[row, :count], want["boxes"], atol=1e-3)


def detect(candidates: Any, score: float, iou: float) -> Any:
    """Detections of all candidates, jitted."""
    cfg = DetectConfig(score, iou, max_detections=100, pre_nms_top_k=4000)
    return jax.jit(lambda out: postprocess(cfg, *candidates(out, SIZE), SIZE, empty=True))
