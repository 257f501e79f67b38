"""torchvision's region CNNs on a thin ResNet, also where its compiled operators are absent.

Then NMS is a loop in NumPy and RoI align matrix products (torchvision's own form in Python
takes many times as long as all else).
"""

import importlib
from typing import Any

import numpy as np
import torch
from torch import Tensor


def import_torchvision() -> Any:
    """torchvision, beside a CPU build of torch too, which has no place for its operators.

    Where these are absent, stand-ins take their places.
    """
    register = torch.library.register_fake

    def tolerant(name: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register(name, *args, **kwargs)

    torch.library.register_fake = tolerant
    try:
        torchvision = importlib.import_module("torchvision")
    finally:
        torch.library.register_fake = register
    if not hasattr(torch.ops.torchvision, "nms"):
        _stand_in_for_compiled()
    return torchvision


def _stand_in_for_compiled() -> None:
    vars(importlib.import_module("torchvision.ops.boxes"))["nms"] = greedy_nms
    for module in ("torchvision.ops.poolers", "torchvision.models.detection.roi_heads"):
        vars(importlib.import_module(module))["roi_align"] = align_regions


def align_regions(
    features: Tensor,
    boxes: Tensor,
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """torchvision's kernel as two matrix products a box: `(B, C, H, W)`, `(R, 5)`."""
    bins = (output_size, output_size) if isinstance(output_size, int) else output_size
    corners = boxes[:, 1:] * spatial_scale - 0.5 * aligned
    start, side = corners[:, :2], corners[:, 2:] - corners[:, :2]
    side = side if aligned else side.clamp(min=1)
    y, x = (
        bin_weights(start[:, i], side[:, i], count, features.shape[axis], sampling_ratio)
        for i, count, axis in ((1, bins[0], 2), (0, bins[1], 3))
    )
    rows = torch.einsum("rchw,rph->rcpw", features[boxes[:, 0].long()], y)
    return torch.einsum("rcpw,rqw->rcpq", rows, x)


def bin_weights(start: Tensor, side: Tensor, bins: int, cells: int, samples: int) -> Tensor:
    """How much each cell along an axis counts in each bin of each box: `(R, bins, cells)`.

    A bin has `samples` points, or as many as it has cells, which are read bilinearly.
    """
    counts = torch.ceil(side / bins).long() if samples <= 0 else torch.full_like(side, samples)
    out = side.new_zeros(len(side), bins, cells)
    for count in counts.long().unique().tolist():
        of = counts == count
        part = (torch.arange(bins * count, device=side.device) + 0.5) / (bins * count)
        place = start[of, None] + side[of, None] * part
        inside = (place >= -1) & (place <= cells)
        apart = place.clamp(0, cells - 1)[..., None] - torch.arange(cells, device=side.device)
        weight = (1 - apart.abs()).clamp(min=0) * inside[..., None]
        out[of] = weight.reshape(-1, bins, count, cells).mean(2)
    return out


def greedy_nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Places of the boxes that no better one overlaps by more, best first."""
    corners = boxes.detach().numpy()
    low, high = corners[:, :2], corners[:, 2:]
    area = np.prod(high - low, axis=1)
    left, kept = (-scores.detach().numpy()).argsort(kind="stable"), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(high[best], high[left]) - np.maximum(low[best], low[left])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        left = left[shared <= threshold * (area[best] + area[left] - shared)]
    return torch.tensor(np.array(kept, np.int64))


def thin_region_cnn(
    num_classes: int,
    *,
    blocks: tuple[int, ...],
    features: int,
    hidden: int,
    level_sides: tuple[tuple[float, ...], ...],
    ratios: tuple[float, ...],
    size: int,
    proposals: tuple[int, int],
    samples: tuple[int, int],
    mask_convs: tuple[int, ...] = (),
) -> Any:
    """Mask R-CNN, or Faster R-CNN without `mask_convs`, whose call in training gives its losses.

    `proposals` before and after NMS, `samples` of anchors and of regions.
    """
    import_torchvision()
    detection = importlib.import_module("torchvision.models.detection")
    anchors = detection.anchor_utils.AnchorGenerator(level_sides, (ratios,) * len(level_sides))
    shared: dict[str, Any] = {
        "min_size": size,
        "max_size": size,
        "rpn_anchor_generator": anchors,
        "box_head": detection.faster_rcnn.TwoMLPHead(features * 49, hidden),
        "box_predictor": detection.faster_rcnn.FastRCNNPredictor(hidden, num_classes + 1),
        "box_roi_pool": region_pool(len(blocks), 7),
        "rpn_pre_nms_top_n_train": proposals[0],
        "rpn_post_nms_top_n_train": proposals[1],
        "rpn_batch_size_per_image": samples[0],
        "box_batch_size_per_image": samples[1],
    }
    backbone = thin_pyramid(blocks, features)
    if not mask_convs:
        return detection.faster_rcnn.FasterRCNN(backbone, **shared)
    parts, last = detection.mask_rcnn, mask_convs[-1]
    shared |= {
        "mask_roi_pool": region_pool(len(blocks), 14),
        "mask_head": parts.MaskRCNNHeads(features, mask_convs, 1),
        "mask_predictor": parts.MaskRCNNPredictor(last, last, num_classes + 1),
    }
    return parts.MaskRCNN(backbone, **shared)


def thin_pyramid(blocks: tuple[int, ...], features: int) -> Any:
    """A pyramid on as many stages of a ResNet of basic blocks, and one level more."""
    resnet = importlib.import_module("torchvision.models.resnet")
    utilities = importlib.import_module("torchvision.models.detection.backbone_utils")
    body = resnet.ResNet(resnet.BasicBlock, [*blocks, *[1] * (4 - len(blocks))])
    names = {f"layer{i + 1}": str(i) for i in range(len(blocks))}
    widths = [64 * 2**i for i in range(len(blocks))]
    return utilities.BackboneWithFPN(body, names, widths, features)


def region_pool(levels: int, cells: int) -> Any:
    """Regions of so many cells a side, cut from the pyramid."""
    pool = importlib.import_module("torchvision.ops").MultiScaleRoIAlign
    return pool([str(i) for i in range(levels)], cells, 2)
