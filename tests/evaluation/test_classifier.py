"""Loss and accuracy of a split against the formula over its rows."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.evaluation.classifier import make_classifier_evaluator
from jaxdl.training.state import TrainState
from jaxdl.training.task import as_it_is


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(3, name="head")(x.reshape(len(x), -1))


@pytest.mark.parametrize("flip_eval", [False, True])
def test_loss_and_accuracy_are_the_formula_with_and_without_mirror_images(flip_eval):
    rng = np.random.default_rng(0)
    image, label = rng.normal(size=(20, 2, 3, 1)).astype(np.float32), rng.integers(0, 3, 20)
    params = Linear().init(jax.random.key(0), jnp.zeros((1, 2, 3, 1)), train=False)["params"]
    weights = np.float64(params["head"]["kernel"])
    logits = image.reshape(20, -1) @ weights
    if flip_eval:
        logits = (logits + image[:, :, ::-1].reshape(20, -1) @ weights) / 2
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    split = Split({"image": image, "label": label}, ("a", "b", "c"), batch_size=8)
    evaluate = make_classifier_evaluator(Linear(), as_it_is, flip_eval=flip_eval)
    state = TrainState(jnp.int32(0), params, {}, jax.random.key(0))
    numbers = evaluate(state, split)
    assert numbers["loss"] == pytest.approx(-log[np.arange(20), label].mean(), rel=1e-5)
    assert numbers["accuracy"] == (logits.argmax(1) == label).mean()
