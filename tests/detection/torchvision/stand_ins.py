"""What torchvision has in compiled code alone, which is absent here: NMS and RoI align."""

import contextlib
import importlib
import math
from typing import Any


def nms(boxes: Any, scores: Any, threshold: float) -> Any:
    """Greedy suppression, one box after the other."""
    import torch

    iou = importlib.import_module("torchvision.ops.boxes").box_iou
    left, kept = scores.argsort(descending=True, stable=True), []
    while len(left):
        kept.append(left[0])
        left = left[1:][iou(boxes[left[:1]], boxes[left[1:]])[0] <= threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)


def roi_align(
    features: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """Its kernel (csrc/ops/cpu/roi_align_kernel.cpp), box after box.

    torchvision's form in Python repeats the rim of the map, where the kernel gives zeros.
    """
    import torch

    out = []
    for row in boxes:
        x1, y1, x2, y2 = (row[1:] * spatial_scale - 0.5 * aligned).tolist()
        least = 0 if aligned else 1
        spans = ((y1, max(y2 - y1, least)), (x1, max(x2 - x1, least)))
        taps = []
        for (low, side), bins, cells in zip(spans, output_size, features.shape[2:], strict=True):
            count = sampling_ratio if sampling_ratio > 0 else math.ceil(side / bins)
            steps = (torch.arange(bins * count) + 0.5) / (bins * count)
            weights = tap_weights(low + side * steps, cells)
            taps.append(weights.reshape(bins, count, cells).mean(1).to(features))
        out.append(torch.einsum("chw,ph,qw->cpq", features[int(row[0])], *taps))
    empty = features.new_zeros((0, features.shape[1], *output_size))
    return torch.stack(out) if out else empty


def tap_weights(places: Any, cells: int) -> Any:
    """How much each cell counts at each place along an axis."""
    import torch

    weights = torch.zeros(len(places), cells)
    for i, place in enumerate(places.tolist()):
        if -1 <= place <= cells:
            low = min(int(max(place, 0)), cells - 1)
            part = max(place, 0) - low if low < cells - 1 else 0.0
            weights[i, low] += 1 - part
            weights[i, min(low + 1, cells - 1)] += part
    return weights


@contextlib.contextmanager
def stand_ins(monkeypatch: Any) -> Any:
    """torchvision's detectors run within."""
    modules = {
        "torchvision.ops.boxes": {"nms": nms},
        "torchvision.ops.poolers": {"roi_align": roi_align},
        "torchvision.models.detection.roi_heads": {"roi_align": roi_align},
    }
    with monkeypatch.context() as patch:
        for name, values in modules.items():
            for attribute, value in values.items():
                patch.setattr(importlib.import_module(name), attribute, value)
        yield
