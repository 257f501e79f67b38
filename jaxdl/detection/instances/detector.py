"""A region CNN as a detector: its boxes, and the masks and points of those that are left."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxdl.checks import check_one_of
from jaxdl.detection.detector import Detections, Detector
from jaxdl.detection.instances.losses import region_cnn_candidates
from jaxdl.detection.instances.points import DECODERS
from jaxdl.detection.instances.region_cnn import RegionCNN, RegionOutput
from jaxdl.typing import Tree


def region_cnn_detector(
    model: RegionCNN, losses: Callable[..., Any], *, decoder: str = "peak"
) -> Detector:
    """`decoder`: how points are read from heat maps, one of `DECODERS`."""
    check_one_of("region_cnn_detector: decoder", decoder, tuple(DECODERS))
    finish = partial(add_parts, model, decoder)
    has_parts = model.mask is not None or model.point is not None
    return Detector(
        model,
        losses,
        region_cnn_candidates,
        sees_truth=True,
        finish=finish if has_parts else None,
    )


def add_parts(
    model: RegionCNN,
    decoder: str,
    variables: Tree,
    out: RegionOutput,
    found: Detections,
    size: tuple[int, int],
) -> Detections:
    """`found` with what the heads for masks and points say of its boxes."""
    levels, boxes = out.levels, found.boxes
    apply = partial(model.apply, variables)
    masks = apply(levels, boxes, found.labels, size, method="mask_of")
    points = apply(levels, boxes, size, decoder, method="points_of")
    return found._replace(masks=masks, points=points)
