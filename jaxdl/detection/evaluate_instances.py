"""Masks and keypoints of a detector against the truth, with COCO's measures.

Masks are compared on the device, picture by picture, in the pixels that the model sees: what leaves
it is how many pixels each two have in common. Areas are those of the file, where the set says how
it was scaled.
"""

from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.data.skeleton import Skeleton
from jaxdl.detection.detector import Detections
from jaxdl.metrics.coco_ap import average_precision, box_areas, mask_overlap
from jaxdl.metrics.coco_keypoints import (
    ImagePoints,
    ImagePointTruth,
    keypoint_precision,
    sigmas_of,
)
from jaxdl.metrics.coco_matching import ImagePairs
from jaxdl.ops.boxes.paste_masks import SURE, paste_masks
from jaxdl.typing import Array, Batch, Host, Numbers

SHADES = 255  # in which found masks are kept for pictures
LEAST_LOGIT = 0.0  # of a keypoint that is drawn as seen


def mask_rows(found: Detections, batch: Batch) -> dict[str, Array]:
    """What is kept of masks: `found_masks` `(B, K, M, M)` uint8, the chance in 255ths; the areas
    `found_mask_areas` `(B, K)` and `mask_areas` `(B, N)`, and `mask_shared` `(B, K, N)`, in pixels.

    Where a mask of a picture is a NaN, its areas are, which a threshold would hide.
    """
    assert found.masks is not None, "of a detector with masks"
    size = batch["image"].shape[1], batch["image"].shape[2]

    def one(picture: tuple[Array, ...]) -> tuple[Array, ...]:
        masks, boxes, valid, truth = picture
        seen = (paste_masks(masks, boxes, size) > SURE) & valid[:, None, None]
        flat, real = (m.reshape(len(m), -1).astype(jnp.float32) for m in (seen, truth))
        areas = jnp.where(jnp.isnan(masks).any(), jnp.nan, flat.sum(axis=1))
        return flat @ real.T, areas, real.sum(axis=1)  # whole numbers: exact below 2^24

    parts = (found.masks, found.boxes, found.valid, batch["masks"])
    shared, areas, own = jax.lax.map(one, parts)
    shades = jnp.round(SHADES * found.masks).astype(jnp.uint8)
    return {
        "found_masks": jnp.where(found.valid[..., None, None], shades, 0),
        "found_mask_areas": areas,
        "mask_areas": own,
        "mask_shared": shared,
    }


def mask_numbers(rows: Mapping[str, Host], num_classes: int) -> Numbers:
    """COCO's numbers of masks; `mask_map50` is its `ap50`."""
    numbers = average_precision(mask_pairs(rows), num_classes)
    numbers["map50"] = numbers.pop("ap50")
    return {f"mask_{name}": value for name, value in numbers.items()}


def mask_pairs(rows: Mapping[str, Host]) -> Iterator[ImagePairs]:
    """The masks of each picture; a truth without a pixel counts as one that was missed."""
    for i, (valid, kept) in enumerate(zip(rows["found_valid"], rows["kept"], strict=True)):
        shared = rows["mask_shared"][i][valid][:, kept].astype(np.float64)
        areas, own = (
            rows["found_mask_areas"][i][valid].astype(np.float64),
            rows["mask_areas"][i][kept].astype(np.float64),
        )
        crowd, file = object_flags(rows, "crowd", i), np.prod(scale_of(rows, i))
        yield ImagePairs(
            rows["found_scores"][i][valid],
            rows["found_labels"][i][valid],
            areas / file,
            rows["labels"][i][kept],
            annotated_areas(rows, i, own / file),
            crowd,
            object_flags(rows, "difficult", i) | crowd,
            mask_overlap(shared, areas, own, crowd),
        )


def keypoint_numbers(
    rows: Mapping[str, Host], num_classes: int, skeleton: Skeleton | None
) -> Numbers:
    """COCO's numbers of keypoints, in which a point has the deviation that belongs to its name.

    The area of an object is the annotated one, else that of its mask, else of its box. Only
    COCO's sets have keypoints, where a difficult object is a crowd.
    """
    found, truth = [], []
    for i, (valid, kept) in enumerate(zip(rows["found_valid"], rows["kept"], strict=True)):
        scale = scale_of(rows, i)
        boxes, labels = rows["boxes"][i][kept] / np.tile(scale, 2), rows["labels"][i][kept]
        areas = box_areas(boxes)
        if "mask_areas" in rows:
            areas = rows["mask_areas"][i][kept] / np.prod(scale)
        areas = annotated_areas(rows, i, areas)
        points = rows["found_points"][i][valid][..., :2] / scale
        found.append(
            ImagePoints(points, rows["found_scores"][i][valid], rows["found_labels"][i][valid])
        )
        points, visible = rows["points"][i][kept] / scale, rows["visible"][i][kept]
        hard = object_flags(rows, "difficult", i)
        truth.append(ImagePointTruth(points, visible, boxes, labels, hard, areas))
    names = skeleton.names if skeleton else ("",) * rows["points"].shape[2]
    numbers = keypoint_precision(found, truth, num_classes, sigmas_of(names))
    return {f"keypoint_{name}": value for name, value in numbers.items()}


def place_masks(masks: Host, boxes: Host, kept: Host, size: tuple[int, int]) -> Host:
    """Found masks `(K, M, M)` in a picture of `size`, of those that are kept: `(K, *size)` bool."""
    made = np.zeros((len(masks), *size), bool)
    for i in np.flatnonzero(kept):  # one by one: a photograph's are large
        pasted = paste_masks(masks[i][None], boxes[i][None], size)
        made[i] = pasted[0] > SURE
    return made


def sure_points(points: Host) -> dict[str, Host]:
    """Found points `(K, P, 3)` as `points` `(K, P, 2)` and `visible` `(K, P)`, by their scores."""
    return {"points": points[..., :2], "visible": points[..., 2] > LEAST_LOGIT}


def scale_of(rows: Mapping[str, Host], i: int) -> Host:
    """What x and y of picture i were multiplied by: `(2,)` float64."""
    return rows["scale"][i].astype(np.float64) if "scale" in rows else np.ones(2)


def object_flags(rows: Mapping[str, Host], name: str, i: int) -> Host:
    """Which true objects of picture i are `name`, difficult or a crowd: `(n,)` bool."""
    kept = rows["kept"][i]
    return rows[name][i][kept] if name in rows else np.zeros(kept.sum(), bool)


def annotated_areas(rows: Mapping[str, Host], i: int, otherwise: Host) -> Host:
    """The annotated areas of the true objects of picture i `(n,)`, `otherwise` where none is."""
    if "areas" not in rows:
        return otherwise
    areas = rows["areas"][i][rows["kept"][i]].astype(np.float64)
    return np.where(areas < 0, otherwise, areas)
