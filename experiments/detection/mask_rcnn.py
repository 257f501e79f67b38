"""Region CNNs with masks or keypoints: jaxdl run shapes_mask_rcnn, shapes_keypoints, ..."""

from dataclasses import dataclass
from functools import partial

from jaxdl.checks import UsageError, check_fraction, check_one_of
from jaxdl.cli import main
from jaxdl.data.splits.split import Split
from jaxdl.detection.detector import Detector
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.heads import BoxHead, MaskHead, PointHead
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.points import DECODERS
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.predict import predict_files as predict
from jaxdl.detection.prepare import load_boxes
from jaxdl.detection.task import DetectionConfig, train_detector
from jaxdl.models.registry import build_model
from jaxdl.models.weights.at_hand import resolve_backbone as resolve
from jaxdl.training.task import Task

__all__ = ["Config", "build", "predict", "resolve"]


@dataclass(frozen=True)
class HeadConfig:
    """Pyramid, proposals and heads. What they learn beside boxes, `data.annotations` says."""

    stages: tuple[str, ...] = ("stage1", "stage2", "stage3", "stage4")
    """The stages of the model that the pyramid stands on, the finest first; half the last is one
    more level."""
    features: int = 256
    """Features of the pyramid."""
    canonical_cells: float = 14.0
    """How many cells per side a region measures at least where it is cut out."""
    anchor_sides: tuple[float, ...] = (32, 64, 128, 256, 512)
    """Sides of squares in pixels, of which each level has equally many, the finest first."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width of anchors of the same area."""
    anchor_samples: int = 256
    """Anchors of a picture that are learned from."""
    samples_per_image: int = 512
    """Proposals of a picture that are learned from."""
    positive_share: float = 0.25
    """At most so much of them are objects."""
    pre_nms_top_k: int = 1000
    """Anchors of each level that suppression looks at."""
    post_nms_top_k: int = 1000
    """Proposals that are left after suppression."""
    hidden: tuple[int, ...] = (1024, 1024)
    """Features of the linear layers before class and box."""
    mask_convs: int = 4
    """Convolutions before masks."""
    mask_features: int = 256
    """Their features."""
    point_convs: int = 8
    """Convolutions before heat maps of keypoints."""
    point_features: int = 512
    """Their features."""
    decoder: str = "peak"
    """peak (of the heat map at the size of its box, torchvision's) or mean (of what is around the
    peak, for boxes of fewer than 56 pixels)."""

    def __post_init__(self) -> None:
        if not self.stages or not self.hidden or not self.anchor_ratios:
            raise UsageError("head: stages, hidden and anchor_ratios must not be empty")
        count = len(self.stages) + 1
        if not self.anchor_sides or len(self.anchor_sides) % count or min(self.anchor_sides) <= 0:
            raise UsageError(
                f"head.anchor_sides must be sides above 0, equally many for each of {count} levels "
                f"(those of head.stages and one more), got {self.anchor_sides}"
            )
        check_fraction("head.positive_share", self.positive_share)
        check_one_of("head.decoder", self.decoder, tuple(DECODERS))
        counts = (self.anchor_samples, self.samples_per_image)
        kept = (self.pre_nms_top_k, self.post_nms_top_k)
        widths = (self.features, self.mask_features, self.point_features, *self.hidden)
        if min(*counts, *kept, *widths) < 1 or min(self.mask_convs, self.point_convs) < 0:
            raise UsageError("head: counts and features must be at least 1, convolutions 0")

    @property
    def level_sides(self) -> tuple[tuple[float, ...], ...]:
        """`anchor_sides` of each level."""
        each = len(self.anchor_sides) // (len(self.stages) + 1)
        starts = range(0, len(self.anchor_sides), each)
        return tuple(self.anchor_sides[i : i + each] for i in starts)


@dataclass(frozen=True)
class Config(DetectionConfig):
    """Pictures with boxes, and masks or keypoints; a backbone, heads, and their training."""

    head: HeadConfig = HeadConfig()


def build(cfg: Config) -> Task:
    """The task of `cfg`."""
    cfg = resolve(cfg)
    splits = load_boxes(cfg.data)
    return train_detector(cfg, build_detector(cfg, splits["train"]), splits)


def build_detector(cfg: Config, train: Split) -> Detector:
    """Model, losses and detections for the classes and keypoints of `train`."""
    head, classes = cfg.head, len(train.classes)
    mask = point = None
    if "masks" in train.names:  # also where the rows are the one that a run has kept
        mask = MaskHead(classes, head.mask_convs, head.mask_features)
    if "points" in train.names:
        count = train.example["points"].shape[1]
        point = PointHead(count, head.point_convs, head.point_features)
    model = RegionCNN(
        build_model(cfg.model, num_classes=0),
        BoxHead(classes, head.hidden),
        head.level_sides,
        mask,
        point,
        anchor_ratios=head.anchor_ratios,
        stages=head.stages,
        features=head.features,
        canonical_cells=head.canonical_cells,
        pre_nms_top_k=head.pre_nms_top_k,
        post_nms_top_k=head.post_nms_top_k,
        samples_per_image=head.samples_per_image,
        positive_share=head.positive_share,
    )
    losses = partial(region_cnn_losses, anchor_samples=head.anchor_samples)
    return region_cnn_detector(model, losses, decoder=head.decoder)


if __name__ == "__main__":
    main(__file__)
