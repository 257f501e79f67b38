"""Every detector: eight devices against one, a resumed run, one program for 0 to 200 objects."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.config import data_config
from jaxdl.data.splits.split import Split
from jaxdl.data.synthetic.shapes import Shapes
from jaxdl.detection.detector import DetectConfig
from jaxdl.detection.instances.detector import region_cnn_detector
from jaxdl.detection.instances.heads import BoxHead, MaskHead, PointHead
from jaxdl.detection.instances.losses import region_cnn_losses
from jaxdl.detection.instances.region_cnn import RegionCNN
from jaxdl.detection.task import DetectionConfig, detection_task
from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import params_sha256
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from tests.detection.thin import DETECTORS, Thin

SIDE, MOST, POINTS = 32, 200, 2


def instances(classes):
    """Boxes, masks and keypoints."""
    model = RegionCNN(
        Thin(),
        BoxHead(classes, (8,)),
        ((8.0,), (16.0,), (32.0,)),
        MaskHead(classes, 1, 4),
        PointHead(POINTS, 1, 4),
        anchor_ratios=(1.0,),
        stages=("fine", "last"),
        features=4,
        canonical_cells=2.0,
        pre_nms_top_k=20,
        post_nms_top_k=8,
        samples_per_image=8,
    )
    return region_cnn_detector(model, partial(region_cnn_losses, anchor_samples=16))


ALL = DETECTORS | {"instances": instances}
QUICK = {"pyramid", "detr"}  # the one samples, the other matches; the others do less
SLOW = {"faster_rcnn", "instances"}  # what else is in them than in the pyramid, takes long


def names(slow):
    """Of all detectors, some marked."""
    return [pytest.param(n, marks=pytest.mark.slow) if n in slow else n for n in ALL]


def pictures(counts):
    """Noise with so many objects each, at random."""
    rng = np.random.default_rng(0)
    low = rng.uniform(0, SIDE - 4, (len(counts), MOST, 2))
    kept = np.arange(MOST)[None] < np.array(counts)[:, None]
    boxes = np.concatenate([low, low + rng.uniform(2, 12, low.shape)], axis=-1)
    return {
        "image": rng.integers(0, 255, (len(counts), SIDE, SIDE, 3), np.uint8),
        "boxes": np.where(kept[..., None], boxes, 0).astype(np.float32),
        "labels": np.where(kept, rng.integers(0, len(Shapes.classes), kept.shape), 0).astype("i4"),
        "kept": kept,
        "masks": kept[..., None, None] & (rng.random((*kept.shape, SIDE, SIDE)) < 0.5),
        "points": rng.uniform(0, SIDE, (*kept.shape, POINTS, 2)).astype(np.float32),
        "visible": np.repeat(kept[..., None], POINTS, axis=-1),
    }


@pytest.fixture(scope="module")
def make_task():
    """The task of a thin detector on pictures of 0 to 200 objects, made once."""
    made = {}

    def task_of(name):
        if name not in made:
            cfg = DetectionConfig(
                data=data_config("shapes", synthetic_rows=16, batch_size=8, image_size=(SIDE,)),
                detect=DetectConfig(max_detections=5, pre_nms_top_k=20, score_threshold=0.0),
                optim=SGD(lr=0.003),
                loop=LoopConfig(steps=3),
            )
            task = detection_task(cfg, lambda cfg, classes: ALL[name](classes))
            rows = pictures([0, 1, 2, 200, 7, 50, 3, 0] * 2)
            made[name] = replace(task, splits={"train": Split(rows, Shapes.classes, batch_size=8)})
        return made[name]

    return task_of


@pytest.mark.parametrize("name", names(ALL.keys() - QUICK))
def test_eight_devices_agree_with_one_and_a_resumed_run_with_itself(name, make_task, tmp_path):
    def run(folder, steps=3, devices=8, resume=False):
        loop = LoopConfig(steps=steps, devices=devices)
        return fit(make_task(name), loop, tmp_path / folder, resume=resume).state

    one, eight = run("one", devices=1), run("eight")
    for a, b in zip(*(jax.tree.leaves(s.params) for s in (one, eight)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)
    run("parts", steps=2)
    again = run("parts", resume=True)
    assert params_sha256(eight.params) == params_sha256(again.params)
    assert int(again.step) == 3


@pytest.mark.parametrize("name", names(SLOW))
def test_nothing_compiles_again_over_pictures_of_0_to_200_objects(name, make_task):
    task = make_task(name)
    state = jax.jit(task.init)(jax.random.key(0))
    step = jax.jit(jax.vmap(task.step, axis_name="device"))
    states = jax.tree.map(lambda x: x[None], state)
    for counts in ((0, 0), (1, 0), (200, 3), (200, 200)):
        batch = {k: jnp.asarray(v)[None] for k, v in pictures(counts).items()}
        states, numbers = step(states, batch)
        assert np.isfinite(float(numbers["loss"][0][0])), counts
    assert all(np.isfinite(np.asarray(x)).all() for x in jax.tree.leaves(states.params))
    assert step._cache_size() == 1
