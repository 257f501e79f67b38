"""What a detector is made of, and which of its boxes are given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import UsageError, check_fraction
from jaxdl.ops.boxes.geometry import clip_to_image, usable_boxes
from jaxdl.ops.boxes.nms import class_wise_nms, select_top
from jaxdl.typing import Array, Batch, Host, Tree

Size = tuple[int, int]


class Detections(NamedTuple):
    """K a picture by falling score; padding is zero and not `valid`."""

    boxes: Array  # (B, K, 4) corners in the model's pixels
    scores: Array  # (B, K)
    labels: Array  # (B, K) int32
    valid: Array  # (B, K) bool
    masks: Array | None = None  # (B, K, M, M) in [0, 1]: the chance of each part of the box
    points: Array | None = None  # (B, K, P, 3): x, y in the model's pixels, and a score


@dataclass(frozen=True)
class DetectConfig:
    """Which of a detector's boxes are given."""

    score_threshold: float = 0.05
    """The lowest score."""
    nms_iou: float = 0.5
    """IoU above which a better box of the same class suppresses another."""
    max_detections: int = 50
    """Most boxes per picture."""
    pre_nms_top_k: int = 300
    """How many of the best are compared with each other."""

    def __post_init__(self) -> None:
        check_fraction("detect.score_threshold", self.score_threshold)
        check_fraction("detect.nms_iou", self.nms_iou)
        if not 1 <= self.max_detections <= self.pre_nms_top_k:
            raise UsageError(
                f"detect: 1 <= max_detections <= pre_nms_top_k must hold, got "
                f"{self.max_detections} and {self.pre_nms_top_k}"
            )


@dataclass(frozen=True)
class Detector:
    """A model and what its output means.

    `losses(out, batch) -> {name: (B,)}`, weighted already; their sum is trained on.
    `candidates(out, size) -> (boxes (B, N, 4), scores (B, N), labels (B, N))`, before suppression.
    With `sees_truth` the model is called with `truth=batch` in training. `propose(images)`, for a
    detector of given regions, makes `proposals` `(n, P, 4)` and `proposed` `(n, P)` on the host.
    `heat(out) -> (B, h, w)` in [0, 1] is drawn over pictures, where a detector has such maps.
    `finish(variables, out, detections, size)` gives the detections their masks and points, where
    a detector has such heads: they see the boxes that are left after suppression.
    """

    model: nn.Module
    losses: Callable[[Any, Batch], dict[str, Array]]
    candidates: Callable[[Any, Size], tuple[Array, Array, Array]]
    sees_truth: bool = False
    propose: Callable[[Host], dict[str, Host]] | None = None
    heat: Callable[[Any], Array] | None = None
    finish: Callable[[Tree, Any, Detections, Size], Detections] | None = None

    def options(self, batch: Batch, *, train: bool) -> dict[str, Any]:
        """What the model is called with besides the images of a prepared batch."""
        made = {"truth": batch} if self.sees_truth and train else {}
        if self.propose is not None:
            made |= {name: batch[name] for name in ("proposals", "proposed")}
        # Heights and widths of pictures (B, 2), in a batch whose arrays they do not fill.
        return made | ({"sizes": batch["sizes"]} if "sizes" in batch else {})

    def detect(self, cfg: DetectConfig, variables: Tree, batch: Batch) -> Detections:
        """The detections in the images `(B, H, W, C)` of a prepared batch."""
        size = batch["image"].shape[1], batch["image"].shape[2]
        out = self._out(variables, batch)
        found = postprocess(cfg, *self.candidates(out, size), size)
        return found if self.finish is None else self.finish(variables, out, found, size)

    def all_boxes(self, variables: Tree, batch: Batch) -> tuple[Array, Array, Array]:
        """`candidates` of a prepared batch."""
        size = batch["image"].shape[1], batch["image"].shape[2]
        return self.candidates(self._out(variables, batch), size)

    def maps(self, variables: Tree, batch: Batch) -> dict[str, Array]:
        """`heat` `(B, h, w)` of a prepared batch; nothing where the detector has no such maps."""
        return {} if self.heat is None else {"heat": self.heat(self._out(variables, batch))}

    def _out(self, variables: Tree, batch: Batch) -> Any:
        return self.model.apply(
            variables, batch["image"], train=False, **self.options(batch, train=False)
        )


def postprocess(
    cfg: DetectConfig,
    boxes: Array,
    scores: Array,
    labels: Array,
    size: Size,
    *,
    empty: bool = False,
) -> Detections:
    """Threshold, the best, class-wise NMS: `(B, N, 4)`, `(B, N)`, `(B, N)` -> K a picture.

    Boxes that the picture's edge cuts to nothing are left out, unless `empty`. Where a score of a
    picture is a NaN, all of its detections' are: a threshold would hide it.
    """

    def one(boxes: Array, scores: Array, labels: Array) -> Detections:
        boxes = clip_to_image(boxes, size)
        good = (scores >= cfg.score_threshold) & (empty | usable_boxes(boxes))
        best = select_top(scores, good, cfg.pre_nms_top_k)
        boxes, labels = boxes[best.index], labels[best.index]
        kept = class_wise_nms(
            boxes, best.score, labels, best.valid, threshold=cfg.nms_iou, count=cfg.max_detections
        )
        boxes, labels = boxes[kept.index], labels[kept.index]
        return Detections(
            jnp.where(kept.valid[:, None], boxes, 0),
            jnp.where(jnp.isnan(scores).any(), jnp.nan, kept.score),
            jnp.where(kept.valid, labels, 0).astype(jnp.int32),
            kept.valid,
        )

    return jax.vmap(one)(boxes, scores, labels)
