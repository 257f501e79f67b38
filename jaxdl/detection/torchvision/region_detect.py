"""How torchvision's region CNNs are built and asked, as `Published` has it."""

from typing import Any

import jax.numpy as jnp

from jaxdl.detection.detector import DetectConfig, Detections
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.torchvision.region_cnns import REGION_CNNS
from jaxdl.typing import Array, Tree


def build_region_cnn(name: str, num_classes: int, **options: Any) -> RegionCNN:
    """The region CNN of that name; the background counts as a class."""
    return REGION_CNNS[name](num_classes - 1, **options)


def detect_regions(model: Any, variables: Tree, images: Array, sizes: Array) -> Detections:
    """See `Published.detect`: the best 100 from a score of .05 on, with their masks and points."""
    every = model.post_nms_top_k * model.box.num_classes
    cfg = DetectConfig(0.05, 0.5, max_detections=100, pre_nms_top_k=max(100, every))
    detector = region_cnn_detector(model, region_cnn_losses)
    found = detector.detect(cfg, variables, {"image": images, "sizes": sizes})
    return found._replace(labels=jnp.where(found.valid, found.labels + 1, 0))
