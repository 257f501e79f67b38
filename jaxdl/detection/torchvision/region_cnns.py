"""torchvision's seven region CNNs by name, as `RegionCNN` with their published sizes.

Ren et al. 2015, arXiv 1506.01497; He et al. 2017, arXiv 1703.06870; the second forms (v2) after Li
et al. 2021, arXiv 2111.11429.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jaxdl.detection.instances.heads import BoxHead, MaskHead, PointHead
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.models.convnets.resnet import ResNet50
from jaxdl.models.mobile.mobilenet_v3 import MobileNetV3

SIDES = (32, 64, 128, 256, 512)  # of the anchors, in pixels
LEVEL_SIDES = tuple((side,) for side in SIDES)


def resnet_region_cnn(
    num_classes: int,
    *,
    masks: bool = False,
    points: int = 0,
    blocks: tuple[int, ...] = (3, 4, 6, 3),
    eps: float = 0.0,
) -> RegionCNN:
    """The first form, on a ResNet-50: `points` keypoints, 0 for none.

    `eps` of the norms is 0, which torchvision sets when it reads its published weights; in a net
    trained there from the start it is 1e-5.
    """
    return RegionCNN(
        ResNet50(0, blocks, norm=partial(BatchNorm, eps=eps)),
        BoxHead(num_classes),
        LEVEL_SIDES,
        MaskHead(num_classes) if masks else None,
        PointHead(points) if points else None,
    )


def second_region_cnn(
    num_classes: int, *, masks: bool = False, blocks: tuple[int, ...] = (3, 4, 6, 3)
) -> RegionCNN:
    """The second form (v2): norms in the pyramid and the heads, a box head of convolutions."""
    return RegionCNN(
        ResNet50(0, blocks),
        BoxHead(num_classes, (1024,), 4, norm=BatchNorm),
        LEVEL_SIDES,
        MaskHead(num_classes, norm=BatchNorm) if masks else None,
        pyramid_norm=BatchNorm,
        proposal_convs=2,
    )


def mobilenet_region_cnn(num_classes: int, *, most: int = 1000, **options: Any) -> RegionCNN:
    """On the last two maps of a MobileNet v3, both of stride 32; `most` proposals.

    Its norms have ResNet's eps here, not a MobileNet's; `options` are the MobileNet's.
    """
    return RegionCNN(
        MobileNetV3(0, norm=BatchNorm, **options),
        BoxHead(num_classes),
        (SIDES,) * 3,
        stages=("block13", "last"),
        pre_nms_top_k=most,
        post_nms_top_k=most,
        proposal_threshold=0.05,
    )


REGION_CNNS: Mapping[str, Callable[[int], RegionCNN]] = {
    "fasterrcnn_resnet50_fpn": resnet_region_cnn,
    "fasterrcnn_resnet50_fpn_v2": second_region_cnn,
    "fasterrcnn_mobilenet_v3_large_fpn": mobilenet_region_cnn,
    "fasterrcnn_mobilenet_v3_large_320_fpn": partial(mobilenet_region_cnn, most=150),
    "maskrcnn_resnet50_fpn": partial(resnet_region_cnn, masks=True),
    "maskrcnn_resnet50_fpn_v2": partial(second_region_cnn, masks=True),
    "keypointrcnn_resnet50_fpn": partial(resnet_region_cnn, points=17),
}
