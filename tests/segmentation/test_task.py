"""The task of a segmenter: its numbers by scikit-learn, its pictures, its files, its devices."""

import types
from dataclasses import replace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from jaxdl.checks import DataError, UsageError
from jaxdl.data.config import data_config
from jaxdl.data.masks.label_map import read_label_map
from jaxdl.data.splits.split import Split
from jaxdl.losses.segmentation import boundary_weights
from jaxdl.models.segmentation.unet import UNet
from jaxdl.optim.config import SGD
from jaxdl.runs.checkpoint import params_sha256
from jaxdl.segmentation.evaluate import SegmentEvaluator
from jaxdl.segmentation.look import LookConfig
from jaxdl.segmentation.predict import predict_files
from jaxdl.segmentation.prepare import SegmentImageConfig, prepare_segments
from jaxdl.segmentation.task import (
    SegmentationConfig,
    SegmentLossConfig,
    class_weights,
    make_loss,
    segmentation_task,
)
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.state import TrainState

RNG = np.random.default_rng(0)


class ByColor(nn.Module):
    """Logits from the three channels, so that the picture says what is found; others are low."""

    sharpness: float = 20.0
    num_classes: int = 3

    @nn.compact
    def __call__(self, x, *, train):
        self.param("w", nn.initializers.zeros, (1,))
        more = [(0, 0)] * 3 + [(0, self.num_classes - 3)]
        return jnp.pad(self.sharpness * x, more, constant_values=-5.0)


def colored(count=5, side=12):
    """Pictures whose brightest channel is the class found, with true classes of their own."""
    found = RNG.integers(0, 3, (count, side, side))
    truth = np.where(RNG.random(found.shape) < 0.7, found, RNG.integers(0, 3, found.shape))
    truth = np.where(RNG.random(found.shape) < 0.1, 255, truth).astype(np.uint8)
    image = (np.eye(3)[found] * 200 + 20).astype(np.uint8)
    return Split({"image": image, "segments": truth}, ("a", "b", "c"), batch_size=2), found, truth


EMPTY_STATE = TrainState(jnp.int32(0), {"w": jnp.zeros(1)}, (), jax.eval_shape(jax.random.key, 0))


def test_numbers_are_scikit_learns_and_pictures_are_drawn(tmp_path):
    split, found, truth = colored()
    plain = prepare_segments(SegmentImageConfig(mean=(0.0,), std=(1.0,)))
    evaluate = SegmentEvaluator(ByColor(), plain, LookConfig())
    numbers = evaluate(EMPTY_STATE, split, tmp_path)
    kept = truth != 255
    y, p = truth[kept], found[kept]
    assert numbers["mean_iou"] == pytest.approx(metrics.jaccard_score(y, p, average="macro"))
    each = metrics.jaccard_score(y, p, average=None)
    assert [numbers[f"iou_{c}"] for c in "abc"] == pytest.approx(each)
    assert numbers["pixel_accuracy"] == pytest.approx(metrics.accuracy_score(y, p))
    shares = np.exp(20 * (split.read("image")[kept] / 255))
    shares /= shares.sum(axis=-1, keepdims=True)
    assert numbers["loss"] == pytest.approx(metrics.log_loss(y, shares), rel=1e-4)
    for name in ("segments.png", "iou.png", "confusion.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 100


def config(**options):
    data = data_config(
        "shapes", annotations="segments", synthetic_rows=16, batch_size=8, image_size=(24,)
    )
    return SegmentationConfig(data=data, optim=SGD(lr=0.05), **options)


def thin(num_classes):
    return UNet(num_classes, widths=(4, 6), up="bilinear")


# Every part of the loss, and void pixels that the devices share unequally.
WHOLE = SegmentLossConfig(overlap_weight=0.5, boundary_gain=2.0, balance=0.5, pixels="focal")


def test_two_devices_agree_with_one_and_a_resumed_run_with_itself(tmp_path):
    from functools import partial

    from jaxdl.layers.norm.registry import norm_layer

    def build(num_classes):
        return UNet(num_classes, widths=(4, 6), up="bilinear", norm=norm_layer("batch_sync"))

    image = SegmentImageConfig(rotate=30.0, flip=True)
    cfg = config(loop=LoopConfig(steps=3), image=image, loss=WHOLE)
    task = segmentation_task(cfg, build)
    run_on = partial(fit, task)

    def run(folder, steps=3, devices=2, resume=False):
        loop = LoopConfig(steps=steps, devices=devices)
        return run_on(loop, tmp_path / folder, resume=resume).state

    one, two = run("one", devices=1), run("two")
    for a, b in zip(*(jax.tree.leaves(s.params) for s in (one, two)), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=5e-6)
    run("parts", steps=2)
    again = run("parts", resume=True)
    assert params_sha256(two.params) == params_sha256(again.params)


@pytest.mark.parametrize("overlap", ["dice", "jaccard"])
def test_the_loss_is_its_parts_weighted_by_class_and_boundary(overlap):
    logits = RNG.normal(size=(2, 6, 7, 3)).astype(np.float32)
    segments = RNG.integers(0, 3, (2, 6, 7)).astype(np.uint8)
    segments[0, :3] = 255
    weights = np.array([1.0, 2.0, 0.5], np.float32)
    cfg = SegmentLossConfig(overlap=overlap, overlap_weight=0.3, boundary_gain=1.5)
    loss_fn = jax.vmap(make_loss(ByColor(1.0), cfg, weights), axis_name="device")
    batch = {"image": jnp.asarray(logits)[None], "segments": jnp.asarray(segments)[None]}
    keys = jax.random.split(jax.random.key(0), 1)
    loss, (_, metrics_) = loss_fn({"w": jnp.zeros((1, 1))}, {}, batch, keys)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    near = np.asarray(boundary_weights(jnp.asarray(segments), gain=1.5))
    top = low = 0.0
    lacks = []
    for i in range(2):
        parts = []
        for k in range(3):
            true, counted = segments[i] == k, segments[i] != 255
            own = weights[k] * near[i][true]
            top += (own * -np.log(p[i][true, k])).sum()
            low += own.sum()
            both, total = p[i][true, k].sum(), p[i][counted, k].sum() + true.sum()
            parts.append(2 * both / total if overlap == "dice" else both / (total - both))
        lacks.append(1 - np.mean(parts))
    np.testing.assert_allclose(loss[0], top / low + 0.3 * np.mean(lacks), rtol=1e-5)
    assert metrics_[f"{overlap}_loss"][0][0] / 2 == pytest.approx(np.mean(lacks), rel=1e-5)


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_rare_classes_weigh_more(balance):
    segments = np.array([[[0, 0, 0, 0, 1, 1, 2, 255]]], np.uint8)
    split = Split({"segments": segments}, ("a", "b", "c", "never"), batch_size=1)
    want = (2 / np.array([4, 2, 1, 1])) ** balance
    np.testing.assert_allclose(class_weights(split, balance), want)
    np.testing.assert_array_equal(class_weights(split, 0.0), np.ones(4))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pixels": "dice"}, r"loss\.pixels must be one of"),
        ({"overlap": "focal"}, r"loss\.overlap must be one of"),
        ({"balance": -1.0}, r"loss\.balance must be >= 0"),
        ({"boundary_sigma": 0.0}, r"loss\.boundary_sigma must be > 0"),
    ],
)
def test_losses_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        SegmentLossConfig(**options)


@pytest.fixture
def trained(tmp_path):
    """A run whose network says the brightest channel, on pictures 24 x 24."""
    image = SegmentImageConfig(mean=(0.0,), std=(1.0,))
    task = segmentation_task(
        config(loop=LoopConfig(steps=1), image=image),
        lambda num_classes: ByColor(num_classes=num_classes),
    )
    state = jax.jit(task.init)(jax.random.key(0))
    return types.SimpleNamespace(folder=tmp_path / "run", task=task, state=state)


def test_classes_are_found_in_ones_own_pictures_at_their_size(trained, tmp_path):
    pixels = np.zeros((48, 96, 3), np.uint8)
    pixels[:, :40] = (250, 0, 0)
    pixels[:, 40:] = (0, 0, 250)
    file = tmp_path / "photo.png"
    Image.fromarray(pixels).save(file)
    nothing = tmp_path / "nothing.png"
    said, faults, rows = predict_files(trained, [file, nothing], tmp_path / "out")
    assert faults == [f"{nothing}: no such file or directory"]
    assert said[0].startswith(f"{file}: square 58.3%  background 41.7%, drawn in ")
    (row,) = rows
    assert row["shares"] == pytest.approx({"background": 40 / 96, "square": 56 / 96})
    assert row["pixels"] == str(tmp_path / "out" / "0_photo_classes.png")
    found = read_label_map(tmp_path / "out" / "0_photo_classes.png")
    np.testing.assert_array_equal(found, np.where(np.arange(96) < 40, 0, 2)[None].repeat(48, 0))
    with Image.open(tmp_path / "out" / "0_photo.png") as picture:
        assert min(picture.size) > 200
    drawn = trained.task.draw(trained.state, trained.task.splits["test"], tmp_path / "shown")
    assert [path.name for path in drawn] == ["segments.png"]


def test_shares_that_are_not_finite_are_an_error(trained, tmp_path):
    task = segmentation_task(config(loop=LoopConfig(steps=1)), thin)
    state = jax.jit(task.init)(jax.random.key(0))
    spoilt = state.replace(params=jax.tree.map(lambda x: x + jnp.nan, state.params))
    run = types.SimpleNamespace(folder=tmp_path, task=task, state=spoilt)
    file = tmp_path / "a.png"
    Image.fromarray(np.zeros((24, 24, 3), np.uint8)).save(file)
    with pytest.raises(DataError, match="scores that are not finite"):
        predict_files(run, [file], tmp_path / "out")


def test_no_recompilation_over_pictures_that_are_all_void():
    task = segmentation_task(replace(config(), loop=LoopConfig(steps=1), loss=WHOLE), thin)
    state = jax.jit(task.init)(jax.random.key(0))
    step = jax.jit(jax.vmap(task.step, axis_name="device"))
    states = jax.tree.map(lambda x: x[None], state)
    image = np.zeros((1, 8, 24, 24, 3), np.uint8)
    for value in (0, 255):
        segments = np.full((1, 8, 24, 24), value, np.uint8)
        states, pairs = step(states, {"image": image, "segments": segments})
        assert all(np.isfinite(np.asarray(x)).all() for x in jax.tree.leaves(states.params))
        assert np.isfinite(float(pairs["loss"][0][0]))
    assert step._cache_size() == 1
