"""The loss of a classifier against sums by hand; layers that are computed from images."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DataError
from jaxdl.classification.task import (
    ClassifierConfig,
    classification_loss,
    classifier_task,
    fit_to_images,
)
from jaxdl.data.config import DataConfig, data_config
from jaxdl.data.load import load_splits
from jaxdl.models.small.lenet import LeNet
from jaxdl.models.small.speedrun_convnet import SpeedConvNet, whitening_filters
from jaxdl.training.prepare_images import ImageConfig, prepare_images
from jaxdl.typing import AXIS


class TwoHeads(nn.Module):
    @nn.compact
    def __call__(self, x, *, train, stages=False):
        out = {name: nn.Dense(3, name=name)(x) for name in ("logits", "aux1", "aux2")}
        return out if stages else out["logits"]


@pytest.mark.parametrize("weight", [0.0, 0.3])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_auxiliary_losses_are_added_with_their_weight(weight, smoothing):
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=(4, 5)).astype(np.float32), np.array([0, 2, 1, 2])
    model = TwoHeads()
    params: Any = model.init(jax.random.key(0), x, train=False)["params"]
    want = 0.0
    for name, share in {"logits": 1.0, "aux1": weight, "aux2": weight}.items():
        logits = np.float64(x) @ np.array(params[name]["kernel"]) + np.array(params[name]["bias"])
        log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        target = (1 - smoothing) * np.eye(3)[label] + smoothing / 3
        want += share * -(target * log).sum(1).mean()
    loss_fn = classification_loss(model, label_smoothing=smoothing, aux_weight=weight)
    batch = {"image": jnp.asarray(x)[None], "label": jnp.asarray(label)[None]}

    def loss(batch):
        return loss_fn(params, {}, batch, jax.random.key(0))

    value, (_, metrics) = jax.vmap(loss, axis_name=AXIS)(batch)
    assert value[0] == pytest.approx(want, rel=1e-5)
    assert metrics["loss"][1][0] == 4


def test_layers_that_are_computed_from_images_see_the_prepared_ones():
    digits = load_splits(DataConfig(name="digits"))["train"]
    prepare = prepare_images(ImageConfig(mean=(0.3,), std=(0.2,), flip=True))
    model = fit_to_images(SpeedConvNet(10, (2, 2, 2)), digits, prepare, 50)
    images = (np.float32(digits.read("image")[:50]) / 255 - 0.3) / 0.2
    got = np.reshape(model.whitening, (2, 2, 1, 8))
    np.testing.assert_allclose(np.abs(got), np.abs(whitening_filters(images)), rtol=1e-3)
    lenet = LeNet(10)
    assert fit_to_images(lenet, digits, prepare) is lenet


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (["a"] * 20, {}, r"has 1 classes \(a\)"),
        (["1.5", "2"] * 10, {"label_type": "number"}, r"has 0 classes \(labels are numbers to pre"),
    ],
)
def test_fewer_than_two_classes_are_refused(tmp_path, labels, options, words):
    rows = "\n".join(f"{i * 7 % 5},{label}" for i, label in enumerate(labels))
    (tmp_path / "t.csv").write_text(rows)
    data = data_config("csv", path=str(tmp_path / "t.csv"), batch_size=4, **options)
    with pytest.raises(DataError, match=words):
        classifier_task(ClassifierConfig(data=data))
