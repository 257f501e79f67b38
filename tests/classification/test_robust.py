"""Attacks on a linear classifier of two classes, whose worst picture has a closed form."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.classification.robust import (
    AttackConfig,
    adversarial_loss,
    check_pixels,
    make_robust_evaluator,
)
from jaxdl.classification.robust_pictures import draw_attacks, draw_robustness, robustness_curves
from jaxdl.classification.task import ClassifierConfig, classification_loss, classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.data.splits.split import Split
from jaxdl.models.registry import ModelConfig
from jaxdl.training.prepare_images import ImageConfig, prepare_images


class Linear(nn.Module):
    """Two logits of the pixels."""

    @nn.compact
    def __call__(self, x, *, train, stages=False):
        out = {"logits": nn.Dense(2, name="head")(x.reshape(len(x), -1))}
        return out if stages else out["logits"]


DRAW = np.random.default_rng(0)
KERNEL = DRAW.normal(size=(12, 2))
BIAS = -KERNEL.sum(0) / 2  # gray is undecided
PARAMS = {"head": {"kernel": jnp.array(KERNEL, "float32"), "bias": jnp.array(BIAS, "float32")}}
ATTACK = AttackConfig("linf", 0.05, 0.025, 6)
PIXELS = DRAW.integers(60, 190, (300, 2, 2, 3)).astype(np.uint8)  # no corner of the cube is near


def worst(x, labels, epsilon):
    """Each pixel moved by epsilon against the label's logit."""
    along = KERNEL[:, 1 - labels].T - KERNEL[:, labels].T
    return x.reshape(len(x), -1) + epsilon * np.sign(along)


def test_training_takes_the_gradient_at_the_worst_picture():
    labels = DRAW.integers(0, 2, 5)
    x = DRAW.uniform(0.3, 0.7, (5, 2, 2, 3))
    batch = {"image": jnp.array(x, "float32"), "label": jnp.array(labels)}
    model = Linear()
    plain = classification_loss(model, label_smoothing=0.0, aux_weight=0.0)
    grad = jax.grad(adversarial_loss(model, plain, ATTACK), has_aux=True)

    def call(params, axis):  # the mean over devices needs the axis
        return grad(params, {}, batch, jax.random.key(0))[0]

    got = jax.vmap(call, (None, 0), axis_name="device")(PARAMS, jnp.zeros(1))
    moved = worst(x, labels, ATTACK.epsilon)
    scores = moved @ KERNEL + BIAS
    share = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    want = moved.T @ (share - np.eye(2)[labels]) / 5
    np.testing.assert_allclose(got["head"]["kernel"][0], want, rtol=1e-3, atol=1e-5)


def test_accuracy_under_attack_is_that_of_the_margin():
    x = PIXELS / 255.0
    margin = (x.reshape(300, -1) @ KERNEL + BIAS) @ np.array([-1, 1])
    labels = (margin > 0) ^ (DRAW.random(300) < 0.2)  # some are wrong as they are
    split = Split({"image": PIXELS, "label": labels.astype(np.int32)}, ("a", "b"))
    task = classifier_task(
        ClassifierConfig(DataConfig(), model=ModelConfig("mlp")), {"train": split, "test": split}
    )
    state = task.init(jax.random.key(0)).replace(params=PARAMS, extra={})
    prepare = prepare_images(ImageConfig())
    evaluate = make_robust_evaluator(Linear(), prepare, ATTACK, lambda *_: {"loss": 1.0})
    signed = margin * np.where(labels, 1, -1)
    reach = ATTACK.epsilon * np.abs(KERNEL[:, 1] - KERNEL[:, 0]).sum()
    want = {"loss": 1.0, "robust_accuracy": (signed > reach).mean()}
    assert 0.05 < want["robust_accuracy"] < (signed > 0).mean() - 0.05
    assert evaluate(state, split) == pytest.approx(want)


def test_pictures_of_the_nets_before_and_after(tmp_path):
    split = Split(
        {"image": PIXELS[:9], "label": DRAW.integers(0, 2, 9).astype(np.int32)},
        ("a", "b"),
        batch_size=9,
    )
    task = classifier_task(
        ClassifierConfig(DataConfig(), model=ModelConfig("mlp")), {"train": split}
    )
    states = {name: task.init(jax.random.key(i)) for i, name in enumerate(("before", "after"))}
    curves = robustness_curves(task, states, split, 3, {"linf": (0.0, 0.3), "l2": (0.5,)})
    assert set(curves["linf"]) == {f"{n}, {a}" for n in states for a in ("PGD, 3 steps", "FGSM")}
    assert set(curves["l2"]) == {"before, PGD, 3 steps", "after, PGD, 3 steps"}
    for points in curves["linf"].values():
        assert [radius for radius, _ in points] == [0.0, 0.3]
        assert points[0][1] >= points[1][1]
    file = draw_robustness(curves).save(tmp_path / "robustness.png")
    assert file.stat().st_size > 1000
    figure = draw_attacks(task, states, split, lambda variables, x, labels: x)
    assert len(figure.axes) == 5 * 8


def test_what_a_config_may_not_say():
    with pytest.raises(ValueError, match=r"attack.rate must be > 0"):
        AttackConfig(rate=0.0)
    with pytest.raises(ValueError, match=r"attack.norm must be one of linf, l2, got 'l1'"):
        AttackConfig(norm="l1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"leave image.mean"):
        check_pixels(ImageConfig(std=(0.5,)))
    check_pixels(ImageConfig(crop=2))
