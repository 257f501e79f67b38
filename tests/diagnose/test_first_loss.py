"""First losses against what the notes say: log C, C - 1 for an SVM, log 2 for each yes or no."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.diagnose.first_loss import initial_loss
from jaxdl.losses.classification import (
    multi_label_cross_entropy,
    multiclass_hinge,
    softmax_cross_entropy,
)
from jaxdl.optim.config import SGD
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import as_it_is, supervised

DRAW = np.random.default_rng(0)
ROWS = {
    "image": DRAW.normal(3, 2, (32, 6)).astype(np.float32),
    "label": DRAW.integers(0, 10, 32),
    "target": DRAW.random((32, 10)) < 0.3,
    "numbers": DRAW.normal(size=(32, 10)).astype(np.float32),
}


class Net(nn.Module):
    """Linear - batch norm - dropout - linear, 10 logits of the size `head`."""

    head: float = 0.1

    @nn.compact
    def __call__(self, x, *, train):
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(10, kernel_init=nn.initializers.normal(self.head))(x)


def softmax(logits, batch):
    return softmax_cross_entropy(logits, batch["label"])


def verdict(loss_of, head=0.1, change=lambda loss: loss):
    """The verdict on a net whose loss is the mean of `loss_of(logits, batch)`, `change`d."""
    model = Net(head)

    def loss_fn(params, extra, batch, key):
        key = jax.random.fold_in(key, 7)  # a loss may draw as it likes
        logits, extra = apply_train(model, params, extra, batch["image"], key)
        return change(global_mean(loss_of(logits, batch))), (extra, {})

    splits = {"train": Split(ROWS, tuple("abcdefghij"), batch_size=32)}
    task = supervised(model, splits, as_it_is, loss_fn, SGD(), loop=LoopConfig(steps=1))
    return initial_loss(task, task.init(jax.random.key(0)), ROWS)


def test_batch_norm_and_dropout_do_not_hide_a_cross_entropy():
    got = verdict(softmax)
    assert (got.state, got.words.split(", ")[1]) == ("pass", f"log 10 is {np.log(10):.3f}")
    got = verdict(softmax, head=30)
    assert got.state == "fail"
    assert "the first logits are too large" in got.words


def test_an_svm_starts_from_the_number_of_other_classes():
    hinge = lambda logits, batch: multiclass_hinge(logits, batch["label"])  # noqa: E731
    got = verdict(hinge, head=0.01)
    assert (got.state, got.words.split(", ")[1]) == ("pass", "10 - 1 is 9.000")
    assert verdict(hinge, head=30).state == "fail"


def test_yes_or_no_of_each_class_starts_from_log_2():
    got = verdict(lambda logits, batch: multi_label_cross_entropy(logits, batch["target"]))
    assert (got.state, got.words.split(", ")[1]) == ("pass", f"log 2 is {np.log(2):.3f}")


@pytest.mark.parametrize("times", [32, 1 / 32])
def test_a_loss_of_another_scale_is_named(times):
    got = verdict(softmax, change=lambda loss: times * loss)
    assert got.state == "fail"
    assert f"{times:.3g} times the mean cross-entropy" in got.words


def test_a_loss_that_is_not_known_is_not_judged():
    squares = lambda logits, batch: jnp.sum((logits - batch["numbers"]) ** 2, 1)  # noqa: E731
    assert verdict(squares).state == "unknown"
    slack = lambda logits, batch: softmax(logits, batch) + 3.0  # noqa: E731
    assert verdict(slack).state == "unknown"
    assert verdict(softmax, change=lambda loss: loss / 0).state == "fail"


def test_a_loss_that_differentiates_its_model_is_not_judged():
    model = Net()

    def loss_fn(params, extra, batch, key):
        def score(x):
            return jnp.sum(model.apply({"params": params, **extra}, x, train=False))

        return jnp.mean(jax.grad(score)(batch["image"]) ** 2), (extra, {})

    splits = {"train": Split(ROWS, tuple("abcdefghij"), batch_size=32)}
    task = supervised(model, splits, as_it_is, loss_fn, SGD(), loop=LoopConfig(steps=1))
    assert initial_loss(task, task.init(jax.random.key(0)), ROWS).state == "unknown"
