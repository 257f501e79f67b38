"""Pictures without boxes, and boxes that are none: training goes on with a finite loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.data.box_checks import BoxCheck, pad_objects
from jaxdl.data.config import data_config
from jaxdl.data.source import Dataset, FieldSubsetSource, Source
from jaxdl.data.splits.assign import Assigned
from jaxdl.data.splits.place import place_split
from jaxdl.data.splits.split import Split
from jaxdl.detection.prepare import FIELDS, BoxImageConfig, load_boxes, prepare_boxes
from jaxdl.detection.task import make_loss
from tests.detection.thin import DETECTORS

SIDE, MOST, CLASSES = 48, 200, 3
RNG = np.random.default_rng(0)


def rows(boxes, labels=None):
    """One picture's objects, padded to 200."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    made = np.zeros((MOST, 4), np.float32)
    made[: len(boxes)] = boxes
    return made, np.arange(MOST) % CLASSES, np.arange(MOST) < len(boxes)


def crowd():
    low = RNG.uniform(0, SIDE - 4, (MOST, 2))
    return np.concatenate([low, low + RNG.uniform(1, 20, (MOST, 2))], axis=1)


GOOD = [[4, 4, 20, 30], [22, 8, 47, 40]]
PAIRS = {
    "none": ([], []),
    "one without": (GOOD, []),
    "degenerate": ([[5, 5, 5, 9], [3, 3, 3, 3]], [[9, 9, 4, 4]]),
    "outside": ([[-50, -50, -10, -10], [60, 60, 90, 90]], [[-30, -30, 200, 200]]),
    "not finite": ([[np.nan, 1, 2, 3], [0, 0, np.inf, np.inf]], [[1, 1, np.nan, np.nan]]),
    "one pixel": ([[7, 7, 8, 8], [47, 47, 48, 48]], [[0, 0, 1, 1]]),
    "two hundred": (crowd(), crowd()),
    "all the same": (np.tile([[8, 8, 24, 24]], (MOST, 1)), GOOD),
}


def batch_of(pair):
    boxes, labels, kept = (np.stack(v) for v in zip(*(rows(p) for p in pair), strict=True))
    image = RNG.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    return {"image": image, "boxes": boxes, "labels": labels.astype(np.int32), "kept": kept}


@pytest.mark.parametrize("name", DETECTORS)
def test_no_boxes_and_bad_boxes_give_finite_losses_in_one_program(name):
    detector = DETECTORS[name](CLASSES)
    prepare, loss_fn = prepare_boxes(BoxImageConfig(crop=2, flip=True)), make_loss(detector)
    image = jnp.zeros((2, SIDE, SIDE, 3))
    params = jax.jit(lambda k: detector.model.init(k, image, train=False))(jax.random.key(0))
    compiled = 0

    def step(params, keys, batch):
        nonlocal compiled
        compiled += 1

        def loss(params):
            variables = dict(params)
            own = jax.vmap(
                lambda p: loss_fn(p, variables, prepare(keys, batch, train=True), keys[0]),
                in_axes=None,
                axis_size=1,
                axis_name="device",
            )
            value, (_, metrics) = own(variables.pop("params"))
            return value[0], metrics

        return jax.value_and_grad(loss, has_aux=True)(params)

    run, keys = jax.jit(step), jax.random.split(jax.random.key(1), 2)
    for what, pair in PAIRS.items():
        (value, metrics), grads = run(params, keys, batch_of(pair))
        assert np.isfinite(value), what
        assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads)), what
        if what in ("none", "degenerate", "not finite"):
            of_boxes = {"box", "center", "class", "proposal", "offset", "size"} & metrics.keys()
            if name in ("faster_rcnn", "pyramid", "retinanet", "fcos", "detr"):
                of_boxes -= {"class"}  # that of the ground is learned everywhere
            assert all(float(metrics[part][0][0]) == 0 for part in of_boxes), what
    assert compiled == 1


def test_what_is_no_box_is_no_longer_kept():
    prepare = prepare_boxes(BoxImageConfig())
    keys = jax.random.split(jax.random.key(0), 2)
    for what, kept in {"degenerate": 0, "outside": 1, "not finite": 0, "one pixel": 3}.items():
        made = prepare(keys, batch_of(PAIRS[what]), train=True)
        assert int(made["kept"].sum()) == kept, what
        assert np.isfinite(made["boxes"]).all()
        assert float(made["boxes"].min()) >= 0
        assert float(made["boxes"].max()) <= SIDE


@pytest.mark.parametrize("options", [{"flip": True}, {"crop": 4}, {"zoom": 0.5, "flip": True}])
def test_boxes_move_with_their_picture(options):
    image = np.zeros((8, 32, 32, 3), np.uint8)
    image[:, 10:20, 6:14] = 255
    boxes = np.tile(np.array([[[6, 10, 14, 20]]], np.float32), (8, 1, 1))
    batch = {"image": image, "boxes": boxes, "labels": np.zeros((8, 1), np.int32)}
    batch["kept"] = np.ones((8, 1), bool)
    prepare = prepare_boxes(BoxImageConfig(mean=(0.0,), std=(1.0,), **options))
    made = prepare(jax.random.split(jax.random.key(3), 8), batch, train=True)
    moved = 0
    for picture, box, kept in zip(
        made["image"], made["boxes"][:, 0], made["kept"][:, 0], strict=True
    ):
        bright = np.argwhere(np.asarray(picture[..., 0]) > 0.5)
        if not kept:
            assert len(bright) < 40
            continue
        (y1, x1), (y2, x2) = bright.min(0), bright.max(0) + 1
        np.testing.assert_allclose(box, [x1, y1, x2, y2], atol=1.0)
        moved += not np.allclose(box, boxes[0, 0])
    assert moved
    still = prepare(jax.random.split(jax.random.key(3), 8), batch, train=False)
    np.testing.assert_array_equal(still["boxes"], boxes)


def test_labels_that_are_no_class_are_refused_before_anything_compiles(monkeypatch):
    from jaxdl.detection import prepare

    def damaged(cfg, fields):
        boxes, labels, kept = (v[None] for v in rows(GOOD))
        arrays = {"boxes": boxes, "labels": labels + 7, "kept": kept}
        return {"train": Split(arrays, ("a", "b"), batch_size=1)}

    monkeypatch.setattr(prepare, "load_splits", damaged)
    with pytest.raises(DataError, match=r"train split: labels of boxes must lie in 0..1, got 7"):
        load_boxes(data_config("shapes"))


@pytest.mark.parametrize("bad", [{"crop": -1}, {"zoom": 0.0}, {"crop": 2, "zoom": 0.5}])
def test_moves_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match="image.crop and image.zoom|image.crop must be"):
        BoxImageConfig(**bad)


class Damaged(Source):
    """A set whose pictures have so many bad boxes among a hundred."""

    def __init__(self, bad):
        self.bad, self.check = bad, BoxCheck("voc/train")

    def __len__(self):
        return 4

    def __getitem__(self, index):
        boxes = np.tile([[2.0, 2, 9, 9]], (100, 1))
        boxes[: self.bad] = [[9, 9, 2, 2]]
        good = self.check.good(str(index), boxes, (16, 16))
        objects = {"boxes": boxes[good], "labels": np.zeros(good.sum(), np.int32)}
        return {"image": np.zeros((16, 16, 3), np.uint8), **pad_objects(objects, 100)}


@pytest.mark.parametrize("bad", [0, 2])
def test_too_many_bad_boxes_of_a_set_are_an_error_with_the_images(bad):
    opened = Dataset({"train": FieldSubsetSource(Damaged(bad), FIELDS)}, ("a",))
    assigned = Assigned("train", np.arange(4), "train")
    cfg = data_config("voc", batch_size=2)
    if bad:
        with pytest.raises(DataError, match=r"boxes cannot be used.*image 0: box .*inverted"):
            place_split(opened, assigned, cfg)
    else:
        assert place_split(opened, assigned, cfg).read("kept").all()
