"""Region CNNs on a feature pyramid, as torchvision has them: Faster, Mask and Keypoint R-CNN.

Ren et al. 2015, arXiv 1506.01497; Lin et al. 2017, arXiv 1612.03144; He et al. 2017, arXiv
1703.06870. Class 0 of logits is the background, labels count the others from 0.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.detection.anchors import level_anchors
from jaxdl.detection.dense.one_stage import backbone_stages
from jaxdl.detection.fpn import FeaturePyramid, multilevel_roi_align
from jaxdl.detection.instances.heads import of_pictures
from jaxdl.detection.instances.masks import of_class
from jaxdl.detection.instances.points import DECODERS
from jaxdl.detection.instances.proposals import ProposalHead, propose
from jaxdl.detection.instances.samples import Samples, sample_regions
from jaxdl.typing import Array, Batch, ModuleDef


class RegionOutput(NamedTuple):
    """N anchors, R regions of which the first Q may be objects, K classes, L levels."""

    levels: list[Array]  # (B, H_l, W_l, C): those that regions are cut from
    sizes: Array  # (B, 2) height and width of each picture
    anchors: Array  # (N, 4) pixels
    scores: Array  # (B, N) logits of the anchors
    offsets: Array  # (B, N, 4) of the anchors
    regions: Array  # (B, R, 4) pixels
    valid: Array  # (B, R) bool
    classes: Array  # (B, R, K + 1) logits
    refined: Array  # (B, R, K + 1, 4) offsets of the regions
    samples: Samples | None = None  # of training: what the regions are
    masks: Array | None = None  # (B, Q, M, M, K + 1) logits
    points: Array | None = None  # (B, Q, M, M, P) logits


class RegionCNN(nn.Module):
    """`(B, H, W, C)` -> `RegionOutput`: proposals, and what each head says of them.

    With `truth` (a prepared batch) the true boxes stand among the proposals, `samples_per_image` of
    all are drawn, and the heads see those. `sizes` `(B, 2)`: heights and widths of pictures that do
    not fill the array. Masks and points of boxes that are found: `mask_of`, `points_of`.

    The pyramid's levels are those of `stages`, the finest first, and one of half the size of the
    last. `anchor_sides`: for each of them, with `anchor_ratios`, height over width.
    """

    backbone: nn.Module
    box: nn.Module
    anchor_sides: tuple[tuple[float, ...], ...]
    mask: nn.Module | None = None
    point: nn.Module | None = None
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    stages: tuple[str, ...] = ("stage1", "stage2", "stage3", "stage4")
    features: int = 256
    pyramid_norm: ModuleDef | None = None
    canonical_cells: float = 14.0  # least side of a region in its level, in cells
    proposal_convs: int = 1
    pre_nms_top_k: int = 1000  # anchors of each level that NMS looks at
    post_nms_top_k: int = 1000  # proposals that are left
    proposal_nms_iou: float = 0.7
    proposal_threshold: float = 0.0  # the least score of a proposal
    samples_per_image: int = 512
    positive_share: float = 0.25  # of the samples: as many as this may be objects
    positive_iou: float = 0.5  # from which a region is an object's
    box_cells: int = 7  # cells a side that a region has for the class and box
    part_cells: int = 14  # and for masks and points

    def setup(self) -> None:
        """The parts that all levels, or all regions, share."""
        self.pyramid = FeaturePyramid(self.features, self.pyramid_norm)
        count = len(self.anchor_ratios) * len(self.anchor_sides[0])
        self.proposal = ProposalHead(count, self.proposal_convs)

    def __call__(
        self,
        x: Array,
        *,
        train: bool,
        truth: Batch | None = None,
        sizes: Array | None = None,
    ) -> RegionOutput:
        """See the class."""
        size = (x.shape[1], x.shape[2])
        if sizes is None:
            sizes = jnp.tile(jnp.asarray(size)[None], (len(x), 1))
        levels = self.pyramid(backbone_stages(self.backbone, self.stages, x, train), train=train)
        coarser = [*levels, levels[-1][:, ::2, ::2]]
        anchors, scores, offsets, regions, valid = self.first_stage(coarser, size, sizes, train)
        samples = None
        if truth is not None:
            samples = sample_regions(
                jnp.concatenate([regions, truth["boxes"]], axis=1),
                jnp.concatenate([valid, truth["kept"]], axis=1),
                truth,
                count=self.samples_per_image,
                share=self.positive_share,
                positive_iou=self.positive_iou,
            )
            regions, valid = samples.regions, samples.valid
        cut = self.cut(levels, regions, size, self.box_cells)
        classes, refined = (of_pictures(said, len(x)) for said in self.box(cut, train=train))
        out = RegionOutput(
            levels, sizes, anchors, scores, offsets, regions, valid, classes, refined, samples
        )
        if samples is None and not self.is_initializing():
            return out
        some = regions[:, : max(1, int(self.positive_share * self.samples_per_image))]
        return out._replace(
            masks=self.parts(self.mask, levels, some, size, train=train),
            points=self.parts(self.point, levels, some, size, train=train),
        )

    def first_stage(
        self, levels: Sequence[Array], size: tuple[int, int], sizes: Array, train: bool
    ) -> tuple[Array, ...]:
        """Anchors, their logits and offsets, the proposals, and which of them are real."""
        grids = [(level.shape[1], level.shape[2]) for level in levels]
        anchors = level_anchors(size, grids, self.anchor_sides, self.anchor_ratios)
        said = [self.proposal(level, train=train) for level in levels]
        scores, offsets = (jnp.concatenate(part, axis=1) for part in zip(*said, strict=True))
        regions, valid = propose(
            anchors,
            scores,
            offsets,
            sizes,
            [level.shape[1] for level, _ in said],
            pre_nms_top_k=self.pre_nms_top_k,
            post_nms_top_k=self.post_nms_top_k,
            nms_iou=self.proposal_nms_iou,
            score_threshold=self.proposal_threshold,
        )
        return anchors, scores, offsets, regions, valid

    @nn.nowrap
    def cut(
        self, levels: Sequence[Array], boxes: Array, size: tuple[int, int], cells: int
    ) -> Array:
        """Boxes `(B, R, 4)` out of the levels: `(B R, cells, cells, C)`.

        Of levels of one stride only the first is cut from, as torchvision has it.
        """
        strides = [size[0] / level.shape[1] for level in levels]
        steps = [2.0 ** round(math.log2(stride)) for stride in strides]
        used = [i for i, step in enumerate(steps) if step not in steps[:i]]
        found = multilevel_roi_align(
            [levels[i] for i in used],
            boxes,
            size=(cells, cells),
            strides=[steps[i] for i in used],
            canonical_cells=self.canonical_cells,
            aligned=False,
        )
        return found.reshape(-1, *found.shape[2:])

    def parts(
        self,
        head: nn.Module | None,
        levels: Sequence[Array],
        boxes: Array,
        size: tuple[int, int],
        *,
        train: bool,
    ) -> Array | None:
        """What a head for masks or points says of boxes `(B, Q, 4)`; None where there is none."""
        if head is None:
            return None
        said = head(self.cut(levels, boxes, size, self.part_cells), train=train)
        return of_pictures(said, len(boxes))

    def mask_of(
        self, levels: Sequence[Array], boxes: Array, labels: Array, size: tuple[int, int]
    ) -> Array | None:
        """The mask of each box's class, as chances: `(B, Q, 4)`, `(B, Q)` -> `(B, Q, M, M)`."""
        logits = self.parts(self.mask, levels, boxes, size, train=False)
        return None if logits is None else jax.nn.sigmoid(of_class(logits, labels + 1))

    def points_of(
        self, levels: Sequence[Array], boxes: Array, size: tuple[int, int], rule: str
    ) -> Array | None:
        """The points of each box, by a rule of `DECODERS`: `(B, Q, 4)` -> `(B, Q, P, 3)`."""
        logits = self.parts(self.point, levels, boxes, size, train=False)
        if logits is None:
            return None
        decode = DECODERS[rule]
        return jax.vmap(lambda maps, boxes: decode(maps, boxes, size))(logits, boxes)
