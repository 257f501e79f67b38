"""Empty masks, keypoints that are nowhere, no objects: finite losses in one program."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.detection.detector import Detector
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.heads import BoxHead, MaskHead, PointHead
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.prepare import BoxImageConfig, prepare_boxes
from jaxdl.detection.task import make_loss
from tests.detection.thin import Thin

SIDE, MOST, CLASSES, POINTS = 32, 30, 2, 3
MIRRORED = (0, 2, 1)


def detector() -> Detector:
    model = RegionCNN(
        Thin(features=4),
        BoxHead(CLASSES, (4,)),
        ((6.0,), (12.0,), (24.0,)),
        MaskHead(CLASSES, 1, 2),
        PointHead(POINTS, 1, 2),
        anchor_ratios=(1.0,),
        stages=("fine", "last"),
        features=4,
        post_nms_top_k=6,
        samples_per_image=8,
        box_cells=2,
        part_cells=2,
    )
    return region_cnn_detector(model, partial(region_cnn_losses, anchor_samples=8))


def rows(count):
    """Two pictures with so many objects, whose masks fill their boxes."""
    rng = np.random.default_rng(count)
    low = rng.integers(0, SIDE - 9, (2, MOST, 2))
    boxes = np.concatenate([low, low + rng.integers(4, 9, (2, MOST, 2))], axis=2)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    x1, y1, x2, y2 = (v[..., None, None] for v in np.moveaxis(boxes, -1, 0))
    points = boxes[:, :, None, :2] + rng.uniform(0, 4, (2, MOST, POINTS, 2))
    return {
        "image": rng.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8),
        "boxes": boxes.astype(np.float32),
        "labels": (np.arange(MOST) % CLASSES * np.ones((2, 1))).astype(np.int32),
        "kept": np.tile(np.arange(MOST) < count, (2, 1)),
        "masks": (x >= x1) & (x < x2) & (y >= y1) & (y < y2),
        "points": points.astype(np.float32),
        "visible": np.ones((2, MOST, POINTS), bool),
    }


def damaged(count=5, **arrays):
    made = rows(count)
    return made | {name: np.full_like(made[name], value) for name, value in arrays.items()}


# What the batch is -> it, and which losses must be 0 as nothing can be learned.
BATCHES = {
    "two objects": (rows(2), ()),
    "as many as there is room for": (rows(MOST), ()),
    "none": (rows(0), ("box", "mask", "point", "proposal")),
    "empty masks": (damaged(masks=False), ("box", "mask", "point", "proposal")),
    "invisible all": (damaged(visible=False), ("point",)),
    "points outside": (damaged(points=-99.0), ("point",)),
    "points that are not finite": (damaged(points=np.nan), ("point",)),
    "points at infinity": (damaged(points=np.inf), ("point",)),
}


def test_masks_and_points_of_nothing_give_finite_losses_in_one_program():
    made = detector()
    prepare, loss_fn = prepare_boxes(BoxImageConfig(crop=2, flip=True), MIRRORED), make_loss(made)
    image = jnp.zeros((2, SIDE, SIDE, 3))
    params = jax.jit(lambda k: made.model.init(k, image, train=False))(jax.random.key(0))["params"]
    compiled = 0

    def step(params, keys, batch):
        nonlocal compiled
        compiled += 1

        def loss(params):
            own = jax.vmap(
                lambda p: loss_fn(p, {}, prepare(keys, batch, train=True), keys[0]),
                in_axes=None,
                axis_size=1,
                axis_name="device",
            )
            value, (_, metrics) = own(params)
            return value[0], metrics

        return jax.value_and_grad(loss, has_aux=True)(params)

    run, keys = jax.jit(step), jax.random.split(jax.random.key(1), 2)
    for what, (batch, nothing) in BATCHES.items():
        (value, metrics), grads = run(params, keys, batch)
        assert np.isfinite(value), what
        assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads)), what
        for part in ("mask", "point"):
            assert (float(metrics[part][0][0]) == 0) == (part in nothing), (what, part)
        assert all(float(metrics[part][0][0]) == 0 for part in nothing), what
    assert compiled == 1
