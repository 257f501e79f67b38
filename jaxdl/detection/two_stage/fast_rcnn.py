"""R-CNN and Fast R-CNN: a class, and a better box, for regions that are given."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdl.detection.dense.one_stage import backbone_features
from jaxdl.detection.two_stage.faster_rcnn import RegionHead
from jaxdl.ops.boxes.roi_align import roi_align, roi_pool
from jaxdl.typing import Array

RegionOutputs = tuple[Array, Array, Array, Array]  # proposals, valid, logits, offsets


class FastRCNN(nn.Module):
    """The backbone once a picture, then RoI pooling of each region (Girshick 2015, 1504.08083).

    `(B, H, W, C)`, proposals `(B, P, 4)`, proposed `(B, P)` -> `RegionOutputs`; without proposals
    the whole picture is the only one.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    hidden: int = 128
    dropout: float = 0.3
    roi_size: int = 5  # cells per side of a region
    refine: bool = True  # without it, boxes are the proposals
    class_boxes: bool = False  # a box for each class

    @nn.compact
    def __call__(
        self,
        x: Array,
        *,
        train: bool,
        proposals: Array | None = None,
        proposed: Array | None = None,
    ) -> RegionOutputs:
        if proposals is None or proposed is None:
            proposals, proposed = whole_image_boxes(x)
        features = backbone_features(self.backbone, self.stage, x, train)
        scale = features.shape[1] / x.shape[1]
        cut = roi_pool(features, proposals, size=(self.roi_size, self.roi_size), scale=scale)
        head = RegionHead(
            self.num_classes, self.hidden, self.dropout, self.class_boxes, name="region"
        )
        logits, offsets = head(cut.reshape(*proposals.shape[:2], -1), train=train)
        return proposals, proposed, logits, offsets * self.refine


class RCNN(nn.Module):
    """Each region warped to a square of `warp_size` pixels, then the backbone.

    Girshick et al. 2014, arXiv 1311.2524; the features of a region are the mean of the stage.
    Shapes as in `FastRCNN`.
    """

    backbone: nn.Module
    num_classes: int
    stage: str = "last"
    hidden: int = 128
    dropout: float = 0.3
    warp_size: int = 32
    refine: bool = True
    class_boxes: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        *,
        train: bool,
        proposals: Array | None = None,
        proposed: Array | None = None,
    ) -> RegionOutputs:
        if proposals is None or proposed is None:
            proposals, proposed = whole_image_boxes(x)
        crops = warp_regions(x, proposals, self.warp_size)
        features = backbone_features(self.backbone, self.stage, crops, train)
        pooled = jnp.mean(features, axis=(1, 2)).reshape(*proposals.shape[:2], -1)
        head = RegionHead(
            self.num_classes, self.hidden, self.dropout, self.class_boxes, name="region"
        )
        logits, offsets = head(pooled, train=train)
        return proposals, proposed, logits, offsets * self.refine


def warp_regions(x: Array, boxes: Array, side: int) -> Array:
    """Regions `(B, P, 4)` of pictures `(B, H, W, C)`, each stretched to a square of `side` pixels.

    Bilinear, whatever the region's aspect ratio (R-CNN, section 2.1: 227 pixels, the notes 224):
    `(B P, side, side, C)`.
    """
    crops = roi_align(x, boxes, size=(side, side), samples=1)
    return crops.reshape(-1, side, side, x.shape[-1])


def whole_image_boxes(x: Array) -> tuple[Array, Array]:
    """Each picture as its only region: `(B, 1, 4)`, `(B, 1)`."""
    box = jnp.array([0, 0, x.shape[2], x.shape[1]], x.dtype)
    return jnp.tile(box, (len(x), 1, 1)), jnp.ones((len(x), 1), bool)
